/**
 * Soft Dice between two probability maps.
 *
 * @module
 */

import { rowDice } from "../tensor/ops/row_similarity.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `[N,C,…]` as `[N,C,V]`: one row of voxels a channel. */
export function voxelRows(x: Tensor): Tensor {
  const [n, c, ...spatial] = x.shape as [number, number, ...Shape];
  return x.reshape([n, c, sizeOf(spatial)]);
}

/**
 * `(2 Σ p q + ε) / (Σ p² + Σ q² + ε)` for each sample and class, sums over voxels.
 *
 * @param p probabilities, `[N,K,D,H,W]`
 * @param q probabilities, same shape
 * @returns `[N,K]`, each in [0, 1]
 */
export function softDice(p: Tensor, q: Tensor, epsilon = 1e-6): Tensor {
  return rowDice(voxelRows(p), voxelRows(q), epsilon);
}
