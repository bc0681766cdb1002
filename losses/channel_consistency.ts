/**
 * CSC, the consistency of feature channels between modalities.
 *
 * @module
 */

import { sub } from "../tensor/ops/elementwise.ts";
import { rowCosine } from "../tensor/ops/row_similarity.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireSameShape } from "./require_same_shape.ts";
import { voxelRows } from "./soft_dice.ts";

/**
 * Channel-wise semantic consistency: channel c of one modality's encoder should respond where channel c of
 * the other's does.
 *
 * `mean_{n,c} (1 − ⟨A_nc, B_nc⟩ / max(‖A_nc‖ ‖B_nc‖, 1e-8))`, A_nc the voxels of a channel: the cosine form
 * of the authors' rebuttal (MICCAI 2024).
 *
 * @param a encoder features of modality a, `[N,C,D,H,W]`
 * @param b encoder features of modality b, same shape; the two must be aligned voxel by voxel
 * @returns scalar in [0, 2]
 * @throws {ShapeError} when the shapes differ
 */
export function channelConsistency(a: Tensor, b: Tensor): Tensor {
  requireSameShape("channelConsistency", a, b);
  return sub(1, rowCosine(voxelRows(a), voxelRows(b))).mean();
}
