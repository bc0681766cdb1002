/**
 * Rows of length 1: rows are reduced to their norms, by which their elements are divided, and the same backward.
 *
 * @module
 */

import type { UnitRowsAttributes } from "../../ops/unit_rows.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import { type Reduction, reductionSteps } from "./reduction.ts";

/** Sums a term over rows. */
function rowSums(
  call: Call<UnitRowsAttributes>,
  rest: Pick<Reduction, "label" | "reads" | "writes" | "code" | "store"> & { readonly each: string },
  term: string,
): Step[] {
  const { shape } = call.inputs[0]!, length = shape.at(-1)!;
  return reductionSteps(call, {
    ...rest,
    rows: sizeOf(shape.slice(0, -1)),
    length,
    fields: { sum: "f32" },
    identity: "Acc()",
    element: `let i = row * ${length}u + k; return Acc(${term});`,
    combine: "return Acc(a.sum + b.sum);",
    each: `let i = row * ${length}u + k; ${rest.each}`,
  });
}

/** The rows, and the norms that they were divided by. */
export const unitRows: Kernel<UnitRowsAttributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ floor: Math.sqrt(epsilon) }),
  steps: (call) =>
    rowSums(call, {
      label: "unit rows",
      reads: { x: call.input(0) },
      writes: { out: call.output(0), norms: call.output(1) },
      // Not max(), which may give the floor for NaN.
      code:
        "fn norm_of(sum: f32) -> f32 { let n = sqrt(sum); return select(n, scalars.floor, scalars.floor > n); }",
      store: "set_norms(row, norm_of(acc.sum));",
      each: "set_out(i, x_at(i) / norm_of(acc.sum));",
    }, "x_at(i) * x_at(i)"),
};

/** The gradient; a row whose norm is the floor has no part along itself to lose. */
export const unitRowsGrad: Kernel<UnitRowsAttributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ floor: Math.sqrt(epsilon) }),
  steps: (call) =>
    rowSums(call, {
      label: "unit rows, gradient",
      reads: { g: call.input(0), y: call.input(1), norms: call.input(2) },
      writes: { out: call.output(0) },
      each: `
  let norm = norms_at(row);
  set_out(i, (g_at(i) - y_at(i) * select(0.0, acc.sum, norm > scalars.floor)) / norm);`,
    }, "g_at(i) * y_at(i)"),
};
