/**
 * CAC as a contrastive loss between classes.
 *
 * @module
 */

import { matmul } from "../tensor/ops/matmul.ts";
import { logSumExp } from "../tensor/ops/statistics.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { softDice, voxelRows } from "./soft_dice.ts";

/** Soft Dice of every class of p with every class of q, `[N,K,K]`. */
function crossDice(p: Tensor, q: Tensor): Tensor {
  const [a, b] = [voxelRows(p), voxelRows(q)];
  const [n, classes] = a.shape as [number, number];
  const size = (x: Tensor, shape: number[]) => x.square().sum({ axes: [2] }).reshape(shape);
  const sizes = size(a, [n, classes, 1]).add(size(b, [n, 1, classes]));
  return matmul(a, b, { transposeB: true }).mul(2).add(1e-6).div(sizes.add(1e-6));
}

/**
 * Class k as one modality sees it should overlap with class k of the other more than with any other class:
 * the mean of `−log( exp(s_kk/τ) / Σ_j exp(s_kj/τ) )` and of the same with j over the first modality's classes,
 * s_kj the soft Dice of class k of p with class j of q, the background among them. The area-similarity contrast of
 * Zhang et al. (Medical Image Analysis 2023), which CMC builds on, in our reading.
 *
 * @param p probabilities of one modality, `[N,K,D,H,W]`
 * @param q probabilities of the other, same shape, aligned voxel by voxel
 * @returns scalar; 0 is never reached, `ln K` says nothing is told apart
 */
export function classContrast(p: Tensor, q: Tensor, temperature = 0.5): Tensor {
  const scores = crossDice(p, q).div(temperature);
  const [n, classes] = scores.shape as [number, number];
  const matching = softDice(p, q).div(temperature).sum();
  const others = logSumExp(scores, { axes: [1] }).sum().add(logSumExp(scores, { axes: [2] }).sum());
  return others.div(2).sub(matching).div(n * classes);
}
