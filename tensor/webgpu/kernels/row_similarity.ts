/**
 * Similarity of rows: one reduction to three sums, and from these the similarity and its slopes.
 *
 * @module
 */

import type { RowSimilarityAttributes } from "../../ops/row_similarity.ts";
import { sizeOf } from "../../shape.ts";
import type { Kernel } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

/** Set `s` and the slopes `a`, `b` and `c`; see `similarityOf`. */
const formulas: Readonly<Record<RowSimilarityAttributes["measure"], string>> = {
  dice: `
  let size = acc.xx + acc.yy + scalars.epsilon;
  let s = (2.0 * acc.xy + scalars.epsilon) / size;
  let a = 2.0 / size;
  let b = -2.0 * s / size;
  let c = b;`,
  cosine: `
  let product = acc.xx * acc.yy;
  let norms = sqrt(max(product, scalars.epsilon));
  let s = acc.xy / norms;
  let a = 1.0 / norms;
  let b = select(0.0, -s / acc.xx, product > scalars.epsilon);
  let c = select(0.0, -s / acc.yy, product > scalars.epsilon);`,
};

/** Similarities and slopes. */
export const rowSimilarity: Kernel<RowSimilarityAttributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ epsilon }),
  steps: (call) => {
    const length = call.inputs[0]!.shape.at(-1)!;
    return reductionSteps(call, {
      label: "row sums",
      rows: sizeOf(call.outputs[0]!.shape),
      length,
      fields: { xy: "f32", xx: "f32", yy: "f32" },
      identity: "Acc()",
      reads: { x: call.input(0), y: call.input(1) },
      writes: { out: call.output(0), slopes: call.output(1) },
      element: `
  let x = x_at(row * ${length}u + k);
  let y = y_at(row * ${length}u + k);
  return Acc(x * y, x * x, y * y);`,
      combine: `return Acc(a.xy + b.xy, a.xx + b.xx, a.yy + b.yy);`,
      store: `${formulas[call.attributes.measure]}
  set_out(row, s);
  set_slopes(row * 3u, a);
  set_slopes(row * 3u + 1u, b);
  set_slopes(row * 3u + 2u, c);`,
    });
  },
};

/** Gradients of both. */
export const rowSimilarityGrad: Kernel<RowSimilarityAttributes> = {
  steps: (call) => {
    const { shape } = call.outputs[0]!, length = shape.at(-1)!;
    return [{
      label: "gradient",
      reads: { g: call.input(0), slopes: call.input(1), x: call.input(2), y: call.input(3) },
      writes: { dx: call.output(0), dy: call.output(1) },
      threads: sizeOf(shape),
      body: `
  let row = i / ${length}u;
  let g = g_at(row);
  let x = x_at(i);
  let y = y_at(i);
  let along = g * slopes_at(row * 3u);
  set_dx(i, along * y + g * slopes_at(row * 3u + 1u) * x);
  set_dy(i, along * x + g * slopes_at(row * 3u + 2u) * y);`,
    }];
  },
};
