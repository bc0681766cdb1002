/**
 * Softmax and its logarithm along one axis: rows are reduced, and what they give meets their elements again.
 *
 * @module
 */

import type { AxisAttributes } from "../../ops/softmax.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

/** Rows along the axis, and the function from a row and a position to the element's index. */
function rowsOf({ inputs, attributes: { axis } }: Call<AxisAttributes>) {
  const { shape } = inputs[0]!;
  const length = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const code = `fn place(row: u32, k: u32) -> u32 {
  return (row / ${inner}u) * ${length * inner}u + k * ${inner}u + row % ${inner}u;
}`;
  return { rows: sizeOf(shape) / Math.max(length, 1), length, code };
}

/** The largest finite f32, negated: exp(x − this) never meets infinity minus infinity. */
const lowest = "-3.4028234e38";

/** `result` is an expression of `x`, the row's `acc.top` and its sum of exponentials `acc.sum`. */
function forward(result: string): Kernel<AxisAttributes> {
  return {
    steps: (call) =>
      reductionSteps(call, {
        ...rowsOf(call),
        label: "softmax",
        fields: { top: "f32", sum: "f32" },
        identity: `Acc(${lowest}, 0.0)`,
        reads: { x: call.input(0) },
        writes: { out: call.output(0) },
        element: "return Acc(x_at(place(row, k)), 1.0);",
        // Sums are of exponentials beside the largest element so far.
        combine: `
  let top = max(a.top, b.top);
  return Acc(top, a.sum * exp(a.top - top) + b.sum * exp(b.top - top));`,
        each: `let at = place(row, k); let x = x_at(at); set_out(at, ${result});`,
      }),
  };
}

/** `term` of `g` and `y` is summed over the row, `result` also uses that as `acc.sum`. */
function backward(term: string, result: string): Kernel<AxisAttributes> {
  const take = "let at = place(row, k); let g = g_at(at); let y = y_at(at);";
  return {
    steps: (call) =>
      reductionSteps(call, {
        ...rowsOf(call),
        label: "softmax gradient",
        fields: { sum: "f32" },
        identity: "Acc()",
        reads: { g: call.input(0), y: call.input(1) },
        writes: { out: call.output(0) },
        element: `${take} return Acc(${term});`,
        combine: "return Acc(a.sum + b.sum);",
        each: `${take} set_out(at, ${result});`,
      }),
  };
}

/** `eˣ / Σ eˣ`. */
export const softmax = forward("exp(x - acc.top) / acc.sum");

/** `x − log Σ eˣ`. */
export const logSoftmax = forward("x - acc.top - log(acc.sum)");

/** `y (g − Σ g y)`. */
export const softmaxGrad = backward("g * y", "y * (g - acc.sum)");

/** `g − eʸ Σ g`. */
export const logSoftmaxGrad = backward("g", "g - exp(y) * acc.sum");
