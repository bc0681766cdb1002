/**
 * The supervised loss.
 *
 * @module
 */

import { diceCrossEntropy as fused } from "../tensor/ops/dice_cross_entropy.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Dice loss plus cross-entropy, equal weights.
 *
 * `mean_voxels(−log p_y) + mean_{n,k}(1 − 2 Σ p g / (Σ p² + Σ g² + ε))`, p = softmax over classes, g one-hot;
 * the background counts as a class. A class absent from the labels contributes exactly 1 and no gradient.
 *
 * @param logits `[N,K,D,H,W]`
 * @param labels class ids, i32, `[N,D,H,W]`, each in 0 … K − 1
 * @returns scalar
 * @throws {ShapeError} when the shapes do not fit
 */
export function diceCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  return fused(logits, labels, 1e-6);
}
