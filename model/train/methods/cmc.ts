/**
 * CMC: supervised loss on labelled pairs, channel-wise semantic consistency (CSC) and anatomical consistency
 * (CAC) between the modalities on unlabelled ones, with live gradients.
 *
 * @module
 */

import {
  anatomicalConsistency,
  channelConsistency,
  confidentTarget,
  targetConsistency,
} from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { LossTerm, Method, StepBatch } from "../method.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { meanOf, supervisedTerm } from "./supervised.ts";

/** A loss of two tensors, averaged over all pairs of modalities. */
function overPairs(perModality: readonly (Tensor | null)[], loss: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const pairs = perModality.flatMap((a, m) => perModality.slice(m + 1).map((b) => loss(a!, b!)));
  return meanOf(pairs);
}

/** CAC of the `cmc-confident` profile: strong views follow what the weak views say together. */
function confidentCac(
  network: CmcSegmenter,
  logits: readonly (Tensor | null)[],
  weak: readonly Tensor[],
): Tensor {
  const target = noGrad(() => confidentTarget(network.segment(weak).map((z) => softmax(z!, 1))));
  return meanOf(logits.map((z) => targetConsistency(z!, target)));
}

function unlabelledTerms(
  network: CmcSegmenter,
  { images, weakImages }: NonNullable<StepBatch["unlabelled"]>,
  weights: { csc: number; cac: number },
): Record<string, LossTerm> {
  const { features, logits } = network.forward(images);
  const terms: Record<string, LossTerm> = {};
  if (weights.csc > 0) terms.csc = { value: overPairs(features, channelConsistency), weight: weights.csc };
  if (weights.cac > 0) {
    const value = weakImages
      ? confidentCac(network, logits, weakImages)
      : overPairs(logits, (a, b) => anatomicalConsistency(a, b));
    terms.cac = { value, weight: weights.cac };
  }
  return terms;
}

/** Cross Modality Collaboration. */
export const cmc: Method<CmcSegmenter> = {
  name: "cmc",
  cite: "Zhou et al., MICCAI 2024",
  summary: "two encoders that meet at the bottleneck; CSC and CAC on unlabelled pairs",
  leastModalities: 2,
  build: buildCmc,
  unlabelledViews({ weights, profile }, factor) {
    if (factor === 0 || (weights.csc === 0 && weights.cac === 0)) return "none";
    return profile === "cmc-confident" && weights.cac > 0 ? "strong-and-weak" : "strong";
  },
  losses(network, batch, { weights }, factor) {
    const supervised = supervisedTerm(network, batch);
    if (!batch.unlabelled) return { supervised };
    const scaled = { csc: factor * weights.csc, cac: factor * weights.cac };
    return { supervised, ...unlabelledTerms(network, batch.unlabelled, scaled) };
  },
};
