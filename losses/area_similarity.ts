/**
 * ASC, the area-similarity contrast of Semi-CML.
 *
 * @module
 */

import { matmul } from "../tensor/ops/matmul.ts";
import { logSumExp } from "../tensor/ops/statistics.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireSameShape } from "./require_same_shape.ts";

/** Values of a sample without its background. */
const foregroundSize = ({ shape }: Tensor) =>
  (shape[1]! - 1) * shape.slice(2).reduce((product, length) => product * length, 1);

/** Soft Dice over all foreground classes of every case of p with every case of q, `[N,N]`. */
function caseDice(p: Tensor, q: Tensor): Tensor {
  const rows = (x: Tensor) => x.narrow(1, 1).reshape([x.shape[0]!, foregroundSize(x)]);
  const [a, b] = [rows(p), rows(q)];
  const n = a.shape[0]!;
  const size = (x: Tensor, shape: number[]) => x.square().sum({ axes: [1] }).reshape(shape);
  const sizes = size(a, [n, 1]).add(size(b, [1, n]));
  return matmul(a, b, { transposeB: true }).mul(2).add(1e-6).div(sizes.add(1e-6));
}

/**
 * Two modalities of one case should cover like areas, unlike those of other cases: NT-Xent over the cases of a
 * batch with their soft Dice as similarity, without a temperature,
 * `½ mean_i (−log e^{s_ii} / Σ_j e^{s_ij} − log e^{s_ii} / Σ_j e^{s_ji})`. After Zhang et al. (Semi-CML, Medical
 * Image Analysis 2023). A batch of one case has nothing to contrast with, and the loss is 0.
 *
 * @param p probabilities of one modality, `[N,K,D,H,W]`
 * @param q probabilities of the other, same shape, the same cases in the same order
 * @returns scalar
 * @throws {ShapeError} when the shapes differ
 */
export function areaSimilarityContrast(p: Tensor, q: Tensor): Tensor {
  requireSameShape("areaSimilarityContrast", p, q);
  const scores = caseDice(p, q);
  const n = p.shape[0]!;
  const own = Array.from({ length: n }, (_, i) => scores.narrow(0, i, 1).narrow(1, i, 1).sum());
  const matching = own.reduce((sum, score) => sum.add(score));
  const others = logSumExp(scores, { axes: [0] }).sum().add(logSumExp(scores, { axes: [1] }).sum());
  return others.div(2).sub(matching).div(n);
}
