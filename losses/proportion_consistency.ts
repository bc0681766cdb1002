/**
 * CAC for images that are not of one person.
 *
 * @module
 */

import { sub } from "../tensor/ops/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Share of the batch's voxels that each class but the background takes, `[K−1]`. */
function shares(p: Tensor): Tensor {
  return p.narrow(1, 1).mean({ axes: [0, 2, 3, 4] });
}

/**
 * The classes should take like shares of the volume in both modalities: `1 − mean_{k≥1} (2 πₖ ρₖ + ε) /
 * (πₖ² + ρₖ² + ε)`, π and ρ the shares of class k over the batch, ε = 1e-8. Where a class lies does not count, so
 * the two need not be aligned, nor be of one person.
 *
 * @param p probabilities of one modality, `[N,K,D,H,W]`
 * @param q probabilities of the other, same shape
 * @returns scalar in [0, 1]
 */
export function proportionConsistency(p: Tensor, q: Tensor): Tensor {
  const [a, b] = [shares(p), shares(q)];
  const product = a.mul(b).mul(2).add(1e-8);
  return sub(1, product.div(a.square().add(b.square()).add(1e-8)).mean());
}
