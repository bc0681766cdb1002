/**
 * Cross pseudo supervision (Chen et al., CVPR 2021): two networks that start differently, each trained on the
 * other's decisions.
 *
 * @module
 */

import { weightedCrossEntropy } from "../../../losses/mod.ts";
import { Module } from "../../../tensor/module.ts";
import { argmax } from "../../../tensor/ops/class_labels.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { LossTerm, Method } from "../method.ts";
import { choice, quantity } from "../settings.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  consistencyWeight: quantity(0.1, "weight of the consistency with the teacher, or with the other network"),
  predictWith: choice(["first", "both"], "whether one network predicts, or the mean of both"),
} as const;

/** Cross-entropy of logits with what another prediction of the same patch decides. */
export function crossSupervision(logits: Tensor, other: Tensor): Tensor {
  return weightedCrossEntropy(logits, argmax(other.detach(), 1));
}

/** Two CMC networks. */
export class TwoNetworks extends Module {
  /** The first. */
  readonly first: CmcSegmenter;
  /** The second. */
  readonly second: CmcSegmenter;
  readonly #predictWith: "first" | "both";

  /** Made one after the other from the stream. */
  constructor(first: CmcSegmenter, second: CmcSegmenter, predictWith: "first" | "both") {
    super();
    this.first = first;
    this.second = second;
    this.#predictWith = predictWith;
  }

  /** Logits of the first, or the mean of both. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    const first = this.first.segment(images);
    if (this.#predictWith === "first") return first;
    const second = this.second.segment(images);
    return first.map((z, m) => z && z.add(second[m]!).div(2));
  }
}

/** CPS on two CMC networks. */
export const cps: Method<typeof settings, TwoNetworks> = {
  name: "cps",
  cite: "Chen et al., CVPR 2021",
  summary: "two networks with all modalities, each trained on the other's decisions",
  settings,
  supervisesDeeply: () => true,
  comparesVoxels: () => false,
  build(init, task, config, { predictWith }) {
    const one = () => buildCmc(init, task, config);
    return new TwoNetworks(one(), one(), predictWith);
  },
  wants: ({ consistencyWeight }, factor) => factor * consistencyWeight > 0 ? { unlabelled: "strong" } : {},
  losses({ first, second }, batch, { settings: { consistencyWeight }, factor }) {
    const own = [first, second].map((network) => supervisedTerm(network, batch).value);
    const terms: Record<string, LossTerm> = { supervised: { value: meanOf(own), weight: 1 } };
    if (!batch.unlabelled) return terms;
    const [a, b] = [first, second].map((network) => network.segment(batch.unlabelled!.images));
    const value = meanOf(a!.flatMap((z, m) => [
      crossSupervision(z!, b![m]!),
      crossSupervision(b![m]!, z!),
    ])).mul(2);
    return { ...terms, cross: { value, weight: factor * consistencyWeight } };
  },
};
