/**
 * The consistency losses as the authors' released code computes them (github.com/med-air/CMC, April 2025), to
 * compare against. That code takes both from tensors without a gradient, so they do not train anything, and adds
 * the second, a similarity, with a positive weight.
 *
 * @module
 */

import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contrastSamples } from "./channel_contrast.ts";
import { requireSameShape } from "./require_same_shape.ts";
import { softDice } from "./soft_dice.ts";

/**
 * CSC of the released code: the features of a sample, `[C,D,H,W]` in memory, are read as D·H·W rows of C numbers,
 * without a transposition, so a row is a stretch of one channel's voxels; then NT-Xent, τ = 0.5.
 *
 * @param a encoder features of modality a, `[N,C,D,H,W]`
 * @param b encoder features of modality b, same shape
 * @returns scalar
 * @throws {ShapeError} when the shapes differ
 */
export function releasedChannelContrast(a: Tensor, b: Tensor): Tensor {
  requireSameShape("releasedChannelContrast", a, b);
  const [n, c, ...spatial] = a.shape as [number, number, ...number[]];
  const rows = [n, sizeOf(spatial), c];
  return contrastSamples(a.reshape(rows), b.reshape(rows));
}

/**
 * CAC of the released code: the mean soft Dice of raw logits over all classes, a similarity.
 *
 * @param a logits of modality a, `[N,K,D,H,W]`
 * @param b logits of modality b, same shape
 * @returns scalar
 * @throws {ShapeError} when the shapes differ
 */
export function releasedLogitSimilarity(a: Tensor, b: Tensor): Tensor {
  requireSameShape("releasedLogitSimilarity", a, b);
  return softDice(a, b).mean();
}

/**
 * Weights of the two in the released code after a share of the training: CSC rises as `exp(−5 (1 − t)²)`, CAC falls as
 * `(1 + cos π t) / 2`. That code computes both from 70 % of its epochs on.
 */
export function releasedWeights(progress: number): { readonly csc: number; readonly cac: number } {
  return { csc: Math.exp(-5 * (1 - progress) ** 2), cac: (1 + Math.cos(Math.PI * progress)) / 2 };
}
