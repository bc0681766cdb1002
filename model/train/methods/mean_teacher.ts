/**
 * Mean teacher (Tarvainen & Valpola 2017): the student's predictions on unlabelled patches follow those of its own
 * moving average, which sees the patches with noise.
 *
 * @module
 */

import { squaredDifference } from "../../../losses/mod.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { noiseSetting, teacherSettings, TeacherStudent, withNoise } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  consistencyWeight: quantity(0.1, "weight of the consistency with the teacher, or with the other network"),
  noise: noiseSetting,
  ...teacherSettings,
} as const;

/** Mean teacher on the CMC network. */
export const meanTeacher: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "mean-teacher",
  cite: "Tarvainen & Valpola, NeurIPS 2017",
  summary: "unlabelled predictions follow those of a moving average of the network on noised patches",
  settings,
  comparesVoxels: () => false,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants: ({ consistencyWeight }, factor) => factor * consistencyWeight > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, { settings: { consistencyWeight, noise }, factor, random }) {
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network.student, batch) };
    if (!batch.unlabelled) return terms;
    const { images } = batch.unlabelled;
    const targets = network.teach(withNoise(images, random, noise));
    const own = network.student.segment(images).map((z) => softmax(z!, 1));
    const value = meanOf(own.map((p, m) => squaredDifference(p, targets[m]!)));
    return { ...terms, consistency: { value, weight: factor * consistencyWeight } };
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
