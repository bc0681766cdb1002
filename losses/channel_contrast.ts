/**
 * CSC as a contrastive loss between channels.
 *
 * @module
 */

import { split } from "../tensor/ops/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ntXent } from "./nt_xent.ts";
import { requireSameShape } from "./require_same_shape.ts";
import { voxelRows } from "./soft_dice.ts";

/** Mean over the samples of a batch of the contrast between their rows `[N,R,V]`. */
export function contrastSamples(a: Tensor, b: Tensor): Tensor {
  const [n, rows, columns] = a.shape as [number, number, number];
  const samples = (x: Tensor) =>
    split(x, new Array(n).fill(1), 0).map((part) => part.reshape([rows, columns]));
  const ofB = samples(b);
  const losses = samples(a).map((sample, i) => ntXent(sample, ofB[i]!));
  return losses.reduce((sum, loss) => sum.add(loss)).div(n);
}

/**
 * Channel c of one modality should be like channel c of the other, and unlike every other channel of both:
 * {@link ntXent} with one row a channel, its voxels as columns; mean over the batch. The literal reading of
 * "channel-wise, contrastive" in Zhou et al. (MICCAI 2024).
 *
 * @param a encoder features of modality a, `[N,C,D,H,W]`
 * @param b encoder features of modality b, same shape; the two must be aligned voxel by voxel
 * @returns scalar
 * @throws {ShapeError} when the shapes differ
 */
export function channelContrast(a: Tensor, b: Tensor): Tensor {
  requireSameShape("channelContrast", a, b);
  return contrastSamples(voxelRows(a), voxelRows(b));
}
