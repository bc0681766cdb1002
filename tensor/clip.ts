/**
 * Gradient clipping by the global norm.
 *
 * @module
 */

import { div, minimum, sqrt } from "./ops/elementwise.ts";
import { sumOfSquares } from "./ops/sum_of_squares.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Euclidean norm of all gradients together.
 *
 * @returns a scalar tensor
 */
export function globalGradientNorm(parameters: readonly Tensor[]): Tensor {
  return sqrt(sumOfSquares(parameters.flatMap(({ grad }) => grad ? [grad] : [])));
}

/** The factor that brings a gradient norm down to at most `limit`. */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  return minimum(div(limit, norm.add(1e-6)), 1);
}
