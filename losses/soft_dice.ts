/**
 * Soft Dice between two probability maps.
 *
 * @module
 */

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
  const [a, b] = [voxelRows(p), voxelRows(q)];
  const axes = [2];
  const overlap = a.mul(b).sum({ axes }).mul(2).add(epsilon);
  const size = a.square().sum({ axes }).add(b.square().sum({ axes })).add(epsilon);
  return overlap.div(size);
}
