/**
 * How sure predictions are.
 *
 * @module
 */

import { maximum } from "../tensor/ops/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Entropy of each voxel, `−Σ_k p log p`, in nats; from 0 for a sure prediction to ln K.
 *
 * @param p probabilities, `[N,K,D,H,W]`
 * @returns `[N,1,D,H,W]`
 */
export function entropy(p: Tensor): Tensor {
  return p.mul(maximum(p, 1e-8).log()).sum({ axes: [1], keepDims: true }).neg();
}

/**
 * Mean of several predictions, each voxel weighted by how sure the prediction is there: `Σ wᵢ pᵢ`,
 * `wᵢ = e^{−Hᵢ} / Σ e^{−Hⱼ}`, H the entropy in bits. After Zhao et al. (AD-MT, ECCV 2024).
 *
 * @param probabilities `[N,K,D,H,W]` each
 * @returns probabilities, same shape
 */
export function entropyWeightedMean(probabilities: readonly Tensor[]): Tensor {
  const weights = probabilities.map((p) => entropy(p).mul(-1 / Math.LN2).exp());
  const total = weights.reduce((sum, weight) => sum.add(weight));
  return probabilities.map((p, i) => p.mul(weights[i]!)).reduce((sum, p) => sum.add(p)).div(total);
}

/**
 * Mean squared difference of probabilities, over all voxels and classes, or over the voxels that a mask selects.
 *
 * @param p probabilities, `[N,K,D,H,W]`
 * @param q the target, same shape; no gradient flows into it
 * @param mask 0 or 1, `[N,1,D,H,W]`
 * @returns scalar
 */
export function squaredDifference(p: Tensor, q: Tensor, mask?: Tensor): Tensor {
  const difference = p.sub(q.detach()).square();
  if (mask === undefined) return difference.mean();
  return difference.mul(mask).sum().div(maximum(mask.sum(), 1)).div(p.shape[1]!);
}
