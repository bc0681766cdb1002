/**
 * Losses against pseudo-labels, which count only where they are to be trusted.
 *
 * @module
 */

import { oneHot } from "../tensor/ops/class_labels.ts";
import { greater, maximum, sub } from "../tensor/ops/elementwise.ts";
import { logSoftmax, softmax } from "../tensor/ops/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** `[N,…]` class ids, i32, as `[N,K,…]` of 0 and 1, like the logits they are compared with. */
function hot(labels: Tensor, logits: Tensor): Tensor {
  return oneHot(labels, logits.shape[1]!, 1);
}

/** Weights of voxels, `[N or 1,1,D,H,W]`, as `[N,1,D,H,W]`: 0 where nobody knows the class, which is no class of `hot`. */
function known(weights: Tensor, hot: Tensor): Tensor {
  return hot.sum({ axes: [1], keepDims: true }).mul(weights);
}

/**
 * Cross-entropy, weighted on request: `Σ w (−log p_y) / max(Σ w, 1)` over the voxels of the batch whose class is known.
 *
 * @param logits `[N,K,D,H,W]`
 * @param labels class ids, i32, `[N,D,H,W]`
 * @param weights `[N,1,D,H,W]`, or `[1,1,D,H,W]` for all samples alike; all 1 when absent
 * @returns scalar
 */
export function weightedCrossEntropy(logits: Tensor, labels: Tensor, weights?: Tensor): Tensor {
  const g = hot(labels, logits);
  const own = logSoftmax(logits, 1).mul(g).sum({ axes: [1], keepDims: true }).neg();
  if (weights === undefined) return own.mean();
  const w = known(weights, g);
  return own.mul(w).sum().div(maximum(w.sum(), 1));
}

/**
 * Dice loss over the weighted voxels of a whole batch whose class is known, the background included:
 * `1 − Σ_k (2 Σ w p g + ε) / (Σ w p + Σ w g + ε) [k in g] / #{k in g}`, ε = 1e-5. The sums run over the batch, and a
 * class without a weighted voxel in the labels is left out: it would pull at every voxel that is a little like it.
 *
 * @param logits `[N,K,D,H,W]`
 * @param labels class ids, i32, `[N,D,H,W]`
 * @param weights `[N,1,D,H,W]`, or `[1,1,D,H,W]` for all samples alike
 * @returns scalar in [0, 1]
 */
export function weightedDice(logits: Tensor, labels: Tensor, weights: Tensor): Tensor {
  const axes = [0, 2, 3, 4];
  const one = hot(labels, logits), w = known(weights, one);
  const p = softmax(logits, 1).mul(w), g = one.mul(w);
  const overlap = p.mul(one).sum({ axes });
  const size = g.sum({ axes });
  const dice = overlap.mul(2).add(1e-5).div(p.sum({ axes }).add(size).add(1e-5));
  const isThere = greater(size, 0);
  return sub(1, dice.mul(isThere).sum().div(maximum(isThere.sum(), 1)));
}
