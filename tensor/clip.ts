/**
 * Gradient clipping by the global norm.
 *
 * @module
 */

import { sqrt } from "./ops/elementwise.ts";
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
