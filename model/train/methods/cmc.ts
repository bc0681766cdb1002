/**
 * CMC: supervised loss on labelled pairs, channel-wise semantic consistency (CSC) and anatomical consistency
 * (CAC) between the modalities on unlabelled ones, with live gradients; and its ablations.
 *
 * @module
 */

import {
  anatomicalConsistency,
  channelConsistency,
  channelContrast,
  pooledConsistency,
} from "../../../losses/mod.ts";
import type { Random } from "../../../tensor/random.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { LossTerm, Method, StepBatch } from "../method.ts";
import { choice, quantity, type SettingValues } from "../settings.ts";
import { jointPass } from "./joint_pass.ts";
import { buildCmcForm, type CmcSegmenter } from "./cmc_segmenter.ts";
import { deeplySupervisedLoss, overPairs } from "./terms.ts";

/** Weights of the two consistency losses; {@link quantity} 0 turns one off. */
export const consistencyWeights = {
  cscWeight: quantity(0.1, "weight of channel-wise semantic consistency; 0 turns it off"),
  cacWeight: quantity(1, "weight of anatomical consistency; 0 turns it off"),
} as const;

const settings = {
  ...consistencyWeights,
  cscForm: choice(
    ["cosine", "contrastive", "pooled"],
    "CSC compares channels voxel by voxel, by contrast with other channels, or by their means (unpaired images)",
  ),
  cacForm: choice(
    ["dice", "contrastive", "proportion"],
    "CAC compares classes voxel by voxel, by contrast with other classes, or by their shares (unpaired images)",
  ),
  gradient: choice(
    ["live", "other", "none"],
    "consistency trains both sides; each towards the other held fixed (CAC), which is half of that; or nothing",
  ),
  mia: choice(["on", "off"], "modality-independent awareness; off, it stays the identity it starts as"),
  miaScale: choice(["cosine", "1/V", "none"], "how MIA compares channels"),
  encoders: choice(["separate", "shared"], "an encoder a modality, or one for all"),
  decoders: choice(["separate", "shared"], "a decoder a modality, or one for all"),
  combine: choice(["add", "concat"], "how fused and own features come together"),
  missing: choice(["mean", "duplicate", "zero", "token", "bypass"], "what stands for a missing modality"),
  modalityDropout: quantity(0, "probability that a step's labelled patches lack one modality", { max: 1 }),
} as const;

/** The values of CMC's settings. */
export type CmcSettings = SettingValues<typeof settings>;

const cscForms = {
  cosine: channelConsistency,
  contrastive: channelContrast,
  pooled: (a: Tensor, b: Tensor) => pooledConsistency(a, b, 1),
} as const;

/** CSC between the features of all modalities. */
export function cscTerm(features: readonly (Tensor | null)[], weight: number, form: CmcSettings["cscForm"]) {
  return { value: overPairs(features, cscForms[form]), weight };
}

/** Name of a method with what is switched off. */
export function labelWithout(name: string, parts: Readonly<Record<string, boolean>>): string {
  const off = Object.keys(parts).filter((part) => parts[part]);
  return off.length === 0 ? name : `${name} without ${off.join(" and ")}`;
}

/** Settings that tables name where they are not the default, and how. */
const otherForms = [
  ["cscForm", "CSC"],
  ["cacForm", "CAC"],
  ["gradient", "gradient"],
  ["miaScale", "MIA"],
  ["encoders", "encoders"],
  ["decoders", "decoders"],
  ["combine", "combine by"],
  ["missing", "missing"],
  ["modalityDropout", "modality dropout"],
] as const;

/** The labelled patches, without one modality in some steps. */
function withDropout(batch: StepBatch, probability: number, random: Random): (Tensor | null)[] {
  const { images } = batch.labelled, stream = random.child("modality");
  if (probability === 0 || stream.uniform() >= probability) return [...images];
  const absent = stream.integer(images.length);
  return images.map((image, m) => m === absent ? null : image);
}

/** Cross Modality Collaboration. */
export const cmc: Method<typeof settings, CmcSegmenter> = {
  name: "cmc",
  cite: "Zhou et al., MICCAI 2024",
  summary: "an encoder a modality, joined at the bottleneck (MIA, fusion); CSC and CAC on unlabelled pairs",
  settings,
  leastModalities: 2,
  label(values) {
    const off = { CSC: values.cscWeight === 0, CAC: values.cacWeight === 0, MIA: values.mia === "off" };
    const forms = otherForms.flatMap(([name, words]) =>
      values[name] === settings[name].default ? [] : [`${words} ${values[name]}`]
    );
    const name = labelWithout("cmc", off);
    return forms.length === 0 ? name : `${name} (${forms.join(", ")})`;
  },
  supervisesDeeply: () => true,
  comparesVoxels: ({ cscWeight, cacWeight, cscForm, cacForm }) =>
    (cscWeight > 0 && cscForm !== "pooled") || (cacWeight > 0 && cacForm !== "proportion"),
  build(init, task, config, { mia, miaScale: channelScale, encoders, decoders, combine, missing }) {
    const network = buildCmcForm(init, task, config, { channelScale, encoders, decoders, combine, missing });
    if (mia === "off") network.mia.gamma.requiresGrad = false;
    return network;
  },
  wants: ({ cscWeight, cacWeight }, factor) =>
    factor > 0 && cscWeight + cacWeight > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, { settings, factor, random }) {
    const { cscWeight, cacWeight, cscForm, cacForm, gradient, modalityDropout } = settings;
    const { labelled, unlabelled } = batch, images = withDropout(batch, modalityDropout, random);
    const isWhole = images.every((image) => image !== null);
    const joint = unlabelled && isWhole ? jointPass(network, images, unlabelled.images) : undefined;
    const own = joint?.labelled ?? network.segmentDeep(images);
    const terms: Record<string, LossTerm> = {
      supervised: { value: deeplySupervisedLoss(own, labelled.labels), weight: 1 },
    };
    if (!unlabelled) return terms;
    const { features, logits } = joint?.unlabelled ?? network.forward(unlabelled.images);
    const side = (tensors: readonly (Tensor | null)[]) =>
      gradient === "none" ? tensors.map((tensor) => tensor!.detach()) : tensors;
    if (cscWeight > 0) terms.csc = cscTerm(side(features), factor * cscWeight, cscForm);
    if (cacWeight > 0) {
      const target = gradient === "other" ? "stopgrad-other" : "symmetric";
      const value = overPairs(side(logits), (a, b) => anatomicalConsistency(a, b, target, cacForm));
      terms.cac = { value, weight: factor * cacWeight };
    }
    return terms;
  },
};
