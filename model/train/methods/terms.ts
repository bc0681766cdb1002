/**
 * Loss terms that several methods have.
 *
 * @module
 */

import { diceCrossEntropy } from "../../../losses/mod.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Segmenter } from "../../segmenter.ts";
import type { LossTerm, StepBatch } from "../method.ts";

/** Mean of scalars. */
export function meanOf(scalars: readonly Tensor[]): Tensor {
  return scalars.reduce((sum, scalar) => sum.add(scalar)).div(scalars.length);
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

/** Dice + cross-entropy of a network's predictions on the labelled patches, averaged over the modalities. */
export function supervisedTerm(network: Pick<Segmenter, "segment">, { labelled }: StepBatch): LossTerm {
  return { value: supervisedLoss(network.segment(labelled.images), labelled.labels), weight: 1 };
}
