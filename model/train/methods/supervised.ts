/**
 * Supervised training on the labelled cases alone: the floor that every semi-supervised method must beat.
 *
 * @module
 */

import { diceCrossEntropy } from "../../../losses/mod.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { LossTerm, Method, StepBatch } from "../method.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";

/** Mean of scalars. */
export function meanOf(scalars: readonly Tensor[]): Tensor {
  return scalars.reduce((sum, scalar) => sum.add(scalar)).div(scalars.length);
}

/** Dice + cross-entropy, averaged over the modalities. */
export function supervisedTerm(network: CmcSegmenter, { labelled }: StepBatch): LossTerm {
  const logits = network.segment(labelled.images);
  return { value: meanOf(logits.map((z, m) => diceCrossEntropy(z!, labelled.labels[m]!))), weight: 1 };
}

/** Same network and schedule as CMC, no unlabelled data. */
export const supervised: Method<CmcSegmenter> = {
  name: "supervised",
  cite: "",
  summary: "labelled cases only, same network and schedule",
  build: buildCmc,
  unlabelledViews: () => "none",
  losses: (network, batch) => ({ supervised: supervisedTerm(network, batch) }),
};
