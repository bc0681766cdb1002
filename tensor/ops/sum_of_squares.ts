/**
 * The squared Euclidean norm of many tensors together: what clipping by the global norm needs, in few
 * dispatches.
 *
 * @module
 */

import { apply } from "../apply.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, requireFloat, values } from "./op.ts";

/** `Σ x²` over all elements of all inputs, as a scalar. */
export const sumOfSquaresOp: Op<Readonly<Record<never, never>>> = {
  name: "sumOfSquares",
  family: "reduction",
  stores: "as-inferred",
  infer(tensors) {
    requireFloat("sumOfSquares", tensors);
    return [{ shape: [], dtype: "f32" }];
  },
  saves: { inputs: "all" },
  gradient: (g, inputs, { wants }) => inputs.map((x, i) => wants[i] ? x.mul(g.mul(2)) : null),
  samples: [
    { inputs: [values([3, 5])], attributes: {} },
    { inputs: [values([2, 3, 7]), values([]), values([33, 50])], attributes: {} },
  ],
  refusals: [{ inputs: [labels([3, 4], 2)], attributes: {}, code: "dtype.mismatch" }],
};

/**
 * `Σ x²` over all elements of all tensors.
 *
 * @returns a scalar
 */
export function sumOfSquares(tensors: readonly Tensor[]): Tensor {
  return apply(sumOfSquaresOp, tensors, {});
}
