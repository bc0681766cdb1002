/**
 * UA-MT (Yu et al., MICCAI 2019): a mean teacher that is followed only where it is sure, which several passes with
 * noise tell.
 *
 * @module
 */

import { entropy, squaredDifference } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { less } from "../../../tensor/ops/elementwise.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { noisedTeacherSettings } from "./mean_teacher.ts";
import { TeacherStudent, withNoise } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  ...noisedTeacherSettings,
  passes: quantity(8, "passes of the teacher with noise, from which its uncertainty comes", {
    min: 1,
    isInteger: true,
  }),
} as const;

/** Uncertainty-aware mean teacher on the CMC network. */
export const uaMt: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "ua-mt",
  cite: "Yu et al., MICCAI 2019",
  summary: "a mean teacher that is followed only where several passes with noise agree",
  settings,
  comparesVoxels: () => false,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants: ({ consistencyWeight }, factor) => factor * consistencyWeight > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, { settings: { consistencyWeight, noise, passes }, factor, random }) {
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network.student, batch) };
    if (!batch.unlabelled) return terms;
    const { images } = batch.unlabelled;
    const own = network.student.segment(images).map((z) => softmax(z!, 1));
    const targets = network.teach(withNoise(images, random.child("target"), noise));
    const masks = noGrad(() => {
      const noisy = Array.from(
        { length: passes },
        (_, i) => network.teach(withNoise(images, random.child(i), noise)),
      );
      return own.map(({ shape }, m) => {
        const mean = noisy.map((pass) => pass[m]!).reduce((sum, p) => sum.add(p)).div(passes);
        return less(entropy(mean), (0.75 + 0.25 * factor) * Math.log(shape[1]!));
      });
    });
    const value = meanOf(own.map((p, m) => squaredDifference(p, targets[m]!, masks[m]!)));
    return { ...terms, consistency: { value, weight: factor * consistencyWeight } };
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
