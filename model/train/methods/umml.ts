/**
 * Unpaired multi-modal learning: one set of convolutions for all modalities, norms of each modality's own, and
 * pseudo-labels from a moving average. In the manner of that family of methods (Dou et al., IEEE TMI 2020; PSUMML,
 * arXiv 2503.05190); no single paper's.
 *
 * @module
 */

import { weightedCrossEntropy } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { argmax } from "../../../tensor/ops/class_labels.ts";
import { greater } from "../../../tensor/ops/elementwise.ts";
import { max } from "../../../tensor/ops/reduce.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { buildSeparate, type SeparateSegmenter } from "./networks.ts";
import { teacherSettings, TeacherStudent } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  pseudoWeight: quantity(0.5, "weight of what pseudo-labels teach, beside labels"),
  confidence: quantity(0.8, "pseudo-labels count where the target is at least so sure", { max: 1 }),
  ...teacherSettings,
} as const;

/** Shared convolutions, own norms, self-training. */
export const umml: Method<typeof settings, TeacherStudent<SeparateSegmenter>> = {
  name: "umml",
  cite: "after Dou et al., IEEE TMI 2020",
  summary: "one set of convolutions with norms for each modality; sure pseudo-labels of a moving average",
  settings,
  comparesVoxels: () => false,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildSeparate(one, task, config, true), predictor),
  wants: ({ pseudoWeight }, factor) => factor * pseudoWeight > 0 ? { unlabelled: "strong-and-weak" } : {},
  losses(network, batch, { settings: { pseudoWeight, confidence }, factor }) {
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network.student, batch) };
    if (!batch.unlabelled) return terms;
    const { images, weakImages } = batch.unlabelled;
    const targets = network.teach(weakImages!);
    const value = meanOf(
      network.student.segment(images).map((z, m) => {
        const [labels, sure] = noGrad(() => {
          const best = max(targets[m]!, { axes: [1], keepDims: true });
          return [argmax(targets[m]!, 1), greater(best, confidence)];
        });
        return weightedCrossEntropy(z!, labels!, sure!);
      }),
    );
    return { ...terms, pseudo: { value, weight: factor * pseudoWeight } };
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
