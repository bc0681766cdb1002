/**
 * Our variant of CMC: strong views follow what the weak views of all modalities say together, so that the better
 * modality is not dragged down by the worse.
 *
 * @module
 */

import { confidentTarget, targetConsistency } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Segmenter } from "../../segmenter.ts";
import type { LossTerm, Method } from "../method.ts";
import { consistencyWeights, cscTerm, labelWithout } from "./cmc.ts";
import { jointPass } from "./joint_pass.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { deeplySupervisedLoss, meanOf, supervisedTerm } from "./terms.ts";

/** What a network says of all modalities together, without a gradient. */
export function jointTarget(network: Segmenter, images: readonly Tensor[]): Tensor {
  return noGrad(() => confidentTarget(network.segment(images).map((z) => softmax(z!, 1))));
}

/** CMC with confident targets. */
export const cmcConfident: Method<typeof consistencyWeights, CmcSegmenter> = {
  name: "cmc-confident",
  cite: "ours, after Zhou et al., MICCAI 2024",
  summary: "CMC whose strong views follow the more confident mixture of all modalities' weak views",
  settings: consistencyWeights,
  leastModalities: 2,
  label: ({ cscWeight, cacWeight }) =>
    labelWithout("cmc-confident", { CSC: cscWeight === 0, CAC: cacWeight === 0 }),
  supervisesDeeply: () => true,
  comparesVoxels: ({ cscWeight, cacWeight }) => cscWeight + cacWeight > 0,
  build: buildCmc,
  wants({ cscWeight, cacWeight }, factor) {
    if (factor === 0 || cscWeight + cacWeight === 0) return {};
    return { unlabelled: cacWeight > 0 ? "strong-and-weak" : "strong" };
  },
  losses(network, batch, { settings: { cscWeight, cacWeight }, factor }) {
    if (!batch.unlabelled) return { supervised: supervisedTerm(network, batch) };
    const { images, labels } = batch.labelled;
    const { labelled, unlabelled: { features, logits } } = jointPass(
      network,
      images,
      batch.unlabelled.images,
    );
    const terms: Record<string, LossTerm> = {
      supervised: { value: deeplySupervisedLoss(labelled, labels), weight: 1 },
    };
    if (cscWeight > 0) terms.csc = cscTerm(features, factor * cscWeight, "cosine");
    if (cacWeight > 0) {
      const target = jointTarget(network, batch.unlabelled.weakImages!);
      terms.cac = {
        value: meanOf(logits.map((z) => targetConsistency(z!, target))),
        weight: factor * cacWeight,
      };
    }
    return terms;
  },
};
