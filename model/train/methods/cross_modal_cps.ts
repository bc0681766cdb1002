/**
 * Cross pseudo supervision between modalities: a U-Net a modality, each trained on what the others decide about the
 * same unlabelled patch.
 *
 * @module
 */

import { softmax } from "../../../tensor/ops/softmax.ts";
import type { LossTerm, Method } from "../method.ts";
import { choice, quantity } from "../settings.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { crossSupervision } from "./cps.ts";
import { buildSeparate, type SeparateSegmenter } from "./networks.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  consistencyWeight: quantity(0.1, "weight of the consistency with the teacher, or with the other network"),
  network: choice(
    ["separate", "joined"],
    "a U-Net a modality, or the network of CMC, where the modalities meet",
  ),
} as const;

/** CPS whose networks see different modalities. */
export const crossModalCps: Method<typeof settings, SeparateSegmenter | CmcSegmenter> = {
  name: "cross-modal-cps",
  cite: "after Chen et al., CVPR 2021",
  summary: "a U-Net a modality, each trained on the decisions of the others",
  settings,
  leastModalities: 2,
  comparesVoxels: ({ consistencyWeight }) => consistencyWeight > 0,
  label: ({ network }) => network === "joined" ? "cross-modal-cps (joined)" : "cross-modal-cps",
  build: (init, task, config, { network }) =>
    network === "joined" ? buildCmc(init, task, config) : buildSeparate(init, task, config),
  wants: ({ consistencyWeight }, factor) => factor * consistencyWeight > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, { settings: { consistencyWeight }, factor }) {
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network, batch) };
    if (!batch.unlabelled) return terms;
    const logits = network.segment(batch.unlabelled.images);
    const crossed = logits.map((z, m) => {
      const others = logits.filter((_, other) => other !== m).map((other) => softmax(other!.detach(), 1));
      return crossSupervision(z!, others.reduce((sum, p) => sum.add(p)));
    });
    return { ...terms, cross: { value: meanOf(crossed), weight: factor * consistencyWeight } };
  },
};
