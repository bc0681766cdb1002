/**
 * Loss terms that several methods have.
 *
 * @module
 */

import { diceCrossEntropy } from "../../../losses/mod.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { cast } from "../../../tensor/ops/layout.ts";
import { resize3d } from "../../../tensor/ops/resize3d.ts";
import type { Triple } from "../../../tensor/shape.ts";
import type { Segmenter } from "../../segmenter.ts";
import type { LossTerm, StepBatch } from "../method.ts";

/** Mean of scalars. */
export function meanOf(scalars: readonly Tensor[]): Tensor {
  const sum = scalars.reduce((sum, scalar) => sum.add(scalar));
  return scalars.length === 1 ? sum : sum.div(scalars.length);
}

/** A loss of two tensors, averaged over all pairs of modalities. */
export function overPairs(
  perModality: readonly (Tensor | null)[],
  loss: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  return meanOf(perModality.flatMap((a, m) => perModality.slice(m + 1).map((b) => loss(a!, b!))));
}

/** Dice + cross-entropy of logits with labels, averaged over the modalities that are there. */
export function supervisedLoss(logits: readonly (Tensor | null)[], labels: readonly Tensor[]): Tensor {
  return meanOf(logits.flatMap((z, m) => z ? [diceCrossEntropy(z, labels[m]!)] : []));
}

/**
 * A mean over levels, finest first, the weight halved from one to the next (deep supervision; Lee et al., AISTATS 2015,
 * weights as in nnU-Net).
 */
export function overLevels(levels: readonly Tensor[], loss: (logits: Tensor) => Tensor): Tensor {
  if (levels.length === 1) return loss(levels[0]!);
  const total = 2 - 2 ** (1 - levels.length);
  return levels.map((z, i) => loss(z).mul(2 ** -i / total)).reduce((sum, term) => sum.add(term));
}

/** A map of whole numbers, i32 `[N,D,H,W]`, at the voxels of logits `[N,K,D′,H′,W′]`: the nearest of each. */
export function atLevel(labels: Tensor, logits: Tensor): Tensor {
  const [n, ...sizes] = labels.shape as [number, ...number[]], coarse = logits.shape.slice(2);
  if (sizes.every((size, axis) => size === coarse[axis])) return labels;
  const nearest = resize3d(cast(labels, "f32").reshape([n, 1, ...sizes]), coarse as unknown as Triple, {
    mode: "nearest",
  });
  return cast(nearest.reshape([n, ...coarse]), "i32");
}

/** {@link supervisedLoss} over all levels of a network with deep supervision, finest first. */
export function deeplySupervisedLoss(
  logits: readonly (readonly Tensor[] | null)[],
  labels: readonly Tensor[],
): Tensor {
  const of = (z: Tensor, m: number) => diceCrossEntropy(z, atLevel(labels[m]!, z));
  return meanOf(logits.flatMap((levels, m) => levels ? [overLevels(levels, (z) => of(z, m))] : []));
}

/** Dice + cross-entropy of a network's predictions on the labelled patches, averaged over the modalities. */
export function supervisedTerm(
  network: Pick<Segmenter, "segment" | "segmentDeep">,
  { labelled: { images, labels } }: StepBatch,
): LossTerm {
  const value = network.segmentDeep
    ? deeplySupervisedLoss(network.segmentDeep(images), labels)
    : supervisedLoss(network.segment(images), labels);
  return { value, weight: 1 };
}
