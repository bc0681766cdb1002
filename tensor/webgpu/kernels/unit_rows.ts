/**
 * Rows of length 1: a reduction to their norms and a division, and the same backward.
 *
 * @module
 */

import type { UnitRowsAttributes } from "../../ops/unit_rows.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";
import { reductionSteps } from "./reduction.ts";

/** Sums a term over rows; `store` has the sum as `acc.sum`. */
function rowSums(
  call: Call<UnitRowsAttributes>,
  arrays: {
    readonly reads: Readonly<Record<string, Bound>>;
    readonly writes: Readonly<Record<string, Bound>>;
  },
  term: string,
  store: string,
): Step[] {
  const { shape } = call.inputs[0]!, length = shape.at(-1)!;
  return reductionSteps(call, {
    ...arrays,
    label: "row sums",
    rows: sizeOf(shape.slice(0, -1)),
    length,
    fields: { sum: "f32" },
    identity: "Acc()",
    element: `let i = row * ${length}u + k; return Acc(${term});`,
    combine: "return Acc(a.sum + b.sum);",
    store,
  });
}

/** The rows, and the norms that they were divided by. */
export const unitRows: Kernel<UnitRowsAttributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ floor: Math.sqrt(epsilon) }),
  steps: (call) => {
    const x = call.input(0), out = call.output(0), norms = call.output(1);
    const { shape } = call.inputs[0]!;
    // Not max(), which may give the floor for NaN.
    const store =
      "let norm = sqrt(acc.sum); set_norms(row, select(norm, scalars.floor, scalars.floor > norm));";
    return [
      ...rowSums(call, { reads: { x }, writes: { norms } }, "x_at(i) * x_at(i)", store),
      {
        label: "unit rows",
        reads: { x, norms },
        writes: { out },
        threads: sizeOf(shape),
        body: `set_out(i, x_at(i) / norms_at(i / ${shape.at(-1)!}u));`,
      },
    ];
  },
};

/** The gradient; a row whose norm is the floor has no part along itself to lose. */
export const unitRowsGrad: Kernel<UnitRowsAttributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ floor: Math.sqrt(epsilon) }),
  steps: (call) => {
    const g = call.input(0), y = call.input(1), norms = call.input(2), out = call.output(0);
    const { shape } = call.inputs[0]!;
    const sums = call.scratch(sizeOf(shape.slice(0, -1)));
    const store = "set_sums(row, select(0.0, acc.sum, norms_at(row) > scalars.floor));";
    return [
      ...rowSums(call, { reads: { g, y, norms }, writes: { sums } }, "g_at(i) * y_at(i)", store),
      {
        label: "unit rows, gradient",
        reads: { g, y, norms, sums },
        writes: { out },
        threads: sizeOf(shape),
        body: `
  let row = i / ${shape.at(-1)!}u;
  set_out(i, (g_at(i) - y_at(i) * sums_at(row)) / norms_at(row));`,
      },
    ];
  },
};
