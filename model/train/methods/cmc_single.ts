/**
 * CMC for data sets of one modality: the same images go into both encoders, as the authors say they do (rebuttal,
 * MICCAI 2024).
 *
 * @module
 */

import { anatomicalConsistency } from "../../../losses/mod.ts";
import type { Init } from "../../../tensor/layers.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { type NetworkConfig, tuningOf, unetOf } from "../../network_config.ts";
import { Cmc } from "../../cmc.ts";
import type { LossTerm, Method } from "../method.ts";
import { consistencyWeights, cscTerm, labelWithout } from "./cmc.ts";
import { overPairs, supervisedLoss } from "./terms.ts";
import { meanPrediction } from "./networks.ts";

/** A CMC network of two encoders that see the same image. */
export class CmcTwice extends Cmc {
  /** Of one image. */
  constructor(init: Init, classes: number, config: NetworkConfig) {
    const { storage } = config;
    super(init, { modalities: 2, classes, unet: unetOf(config), tuning: tuningOf(config), storage });
  }

  /** The mean of both decoders. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return meanPrediction(this.forward([images[0]!, images[0]!]).logits).slice(0, 1);
  }
}

/** One modality, fed to both encoders. */
export const cmcSingle: Method<typeof consistencyWeights, CmcTwice> = {
  name: "cmc-single",
  cite: "Zhou et al., MICCAI 2024",
  summary: "CMC for one modality, which goes into both encoders",
  settings: consistencyWeights,
  mostModalities: 1,
  label: ({ cscWeight, cacWeight }) =>
    labelWithout("cmc-single", { CSC: cscWeight === 0, CAC: cacWeight === 0 }),
  comparesVoxels: () => false,
  build: (init, { classes }, config) => new CmcTwice(init, classes, config),
  wants: ({ cscWeight, cacWeight }, factor) =>
    factor * (cscWeight + cacWeight) > 0 ? { unlabelled: "strong" } : {},
  losses(network, { labelled, unlabelled }, { settings: { cscWeight, cacWeight }, factor }) {
    const twice = ([one]: readonly Tensor[]) => [one!, one!];
    const own = network.forward(twice(labelled.images)).logits;
    const terms: Record<string, LossTerm> = {
      supervised: { value: supervisedLoss(own, twice(labelled.labels)), weight: 1 },
    };
    if (!unlabelled) return terms;
    const { features, logits } = network.forward(twice(unlabelled.images));
    if (cscWeight > 0) terms.csc = cscTerm(features, factor * cscWeight, "cosine");
    if (cacWeight > 0) {
      const value = overPairs(logits, (a, b) => anatomicalConsistency(a, b));
      terms.cac = { value, weight: factor * cacWeight };
    }
    return terms;
  },
};
