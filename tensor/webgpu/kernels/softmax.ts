/**
 * Softmax and its logarithm along one axis. Short rows are one thread's loops; long rows are reduced by
 * workgroups, first to their largest value, then to the sum of exponentials.
 *
 * @module
 */

import type { AxisAttributes } from "../../ops/softmax.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";
import { reductionSteps } from "./reduction.ts";

/** Rows along the axis, and the function from a row and a position to the element's index. */
function rowsOf({ inputs, attributes: { axis } }: Call<AxisAttributes>) {
  const { shape } = inputs[0]!;
  const length = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const place = `fn place(row: u32, k: u32) -> u32 {
  return (row / ${inner}u) * ${length * inner}u + k * ${inner}u + row % ${inner}u;
}
fn row_of(i: u32) -> u32 { return (i / ${length * inner}u) * ${inner}u + i % ${inner}u; }`;
  return { rows: sizeOf(shape) / Math.max(length, 1), length, place };
}

/** The largest finite f32, negated: exp(x − this) never meets infinity minus infinity. */
const lowest = "-3.4028234e38";
const single = 32;

/** `result` is an expression of `x`, the row's `top` and its sum of exponentials `sum`. */
function forward(result: string): Kernel<AxisAttributes> {
  return {
    steps: (call) => {
      const { rows, length, place } = rowsOf(call);
      const x = call.input(0);
      const out = call.output(0);
      if (length <= single) {
        return [{
          label: "softmax rows",
          reads: { x },
          writes: { out },
          code: place,
          threads: rows,
          body: `
  var top = ${lowest};
  for (var k = 0u; k < ${length}u; k++) { top = max(top, x_at(place(i, k))); }
  var sum = 0.0;
  for (var k = 0u; k < ${length}u; k++) { sum += exp(x_at(place(i, k)) - top); }
  for (var k = 0u; k < ${length}u; k++) { let x = x_at(place(i, k)); set_out(place(i, k), ${result}); }`,
        }];
      }
      const tops = call.scratch(rows);
      const sums = call.scratch(rows);
      return [
        ...reductionSteps(call, {
          label: "row maximum",
          rows,
          length,
          fields: { top: "f32" },
          identity: `Acc(${lowest})`,
          reads: { x },
          writes: { tops },
          code: place,
          element: `return Acc(x_at(place(row, k)));`,
          combine: `return Acc(max(a.top, b.top));`,
          store: `set_tops(row, acc.top);`,
        }),
        ...rowSum(call, { x, tops }, sums, `exp(x_at(place(row, k)) - tops_at(row))`),
        {
          label: "softmax",
          reads: { x, tops, sums },
          writes: { out },
          code: place,
          threads: rows * length,
          body: `
  let row = row_of(i);
  let top = tops_at(row);
  let sum = sums_at(row);
  let x = x_at(i);
  set_out(i, ${result});`,
        },
      ];
    },
  };
}

function rowSum(
  call: Call<AxisAttributes>,
  reads: Readonly<Record<string, Bound>>,
  sums: Bound,
  term: string,
): Step[] {
  const { rows, length, place } = rowsOf(call);
  return reductionSteps(call, {
    label: "row sum",
    rows,
    length,
    fields: { sum: "f32" },
    identity: "Acc()",
    reads,
    writes: { sums },
    code: place,
    element: `return Acc(${term});`,
    combine: `return Acc(a.sum + b.sum);`,
    store: `set_sums(row, acc.sum);`,
  });
}

/** `term` is summed over the row, `result` uses `g`, `y` and the sum as `total`. */
function backward(term: (g: string, y: string) => string, result: string): Kernel<AxisAttributes> {
  return {
    steps: (call) => {
      const { rows, length, place } = rowsOf(call);
      const reads = { g: call.input(0), y: call.input(1) };
      const out = call.output(0);
      if (length <= single) {
        return [{
          label: "softmax gradient rows",
          reads,
          writes: { out },
          code: place,
          threads: rows,
          body: `
  var total = 0.0;
  for (var k = 0u; k < ${length}u; k++) { let at = place(i, k); total += ${term("g_at(at)", "y_at(at)")}; }
  for (var k = 0u; k < ${length}u; k++) {
    let at = place(i, k); let g = g_at(at); let y = y_at(at);
    set_out(at, ${result});
  }`,
        }];
      }
      const sums = call.scratch(rows);
      return [
        ...rowSum(call, reads, sums, term("g_at(place(row, k))", "y_at(place(row, k))")),
        {
          label: "softmax gradient",
          reads: { ...reads, sums },
          writes: { out },
          code: place,
          threads: rows * length,
          body: `let total = sums_at(row_of(i)); let g = g_at(i); let y = y_at(i); set_out(i, ${result});`,
        },
      ];
    },
  };
}

/** `eˣ / Σ eˣ`. */
export const softmax = forward("exp(x - top) / sum");

/** `x − log Σ eˣ`. */
export const logSoftmax = forward("x - top - log(sum)");

/** `y (g − Σ g y)`. */
export const softmaxGrad = backward((g, y) => `${g} * ${y}`, "y * (g - total)");

/** `g − eʸ Σ g`. */
export const logSoftmaxGrad = backward((g) => g, "g - exp(y) * total");
