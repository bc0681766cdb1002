/**
 * Mean teacher (Tarvainen & Valpola 2017): the student's predictions on unlabelled patches follow those of its own
 * moving average, which sees the patches with noise or only weakly changed.
 *
 * @module
 */

import { squaredDifference, targetConsistency } from "../../../losses/mod.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { LossTerm, Method } from "../method.ts";
import { choice, quantity } from "../settings.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { noiseSetting, teacherSettings, TeacherStudent, withNoise } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

/** Settings of a student that follows a teacher who sees noise. */
export const noisedTeacherSettings = {
  consistencyWeight: quantity(0.1, "weight of the consistency with the teacher, or with the other network"),
  noise: noiseSetting,
  ...teacherSettings,
} as const;

const settings = {
  ...noisedTeacherSettings,
  distance: choice(
    ["squared", "dice"],
    "between the probabilities of student and teacher, at every voxel or by class",
  ),
  teacherView: choice(
    ["noised", "weak"],
    "the teacher sees the student's patches with noise, or their weak view",
  ),
} as const;

/** Mean teacher on the CMC network. */
export const meanTeacher: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "mean-teacher",
  cite: "Tarvainen & Valpola, NeurIPS 2017",
  summary: "unlabelled predictions follow those of a moving average of the network on noised patches",
  settings,
  label({ distance, teacherView }) {
    const forms = [...distance === "dice" ? ["Dice"] : [], ...teacherView === "weak" ? ["weak views"] : []];
    return forms.length === 0 ? "mean-teacher" : `mean-teacher (${forms.join(", ")})`;
  },
  supervisesDeeply: () => true,
  comparesVoxels: () => false,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants({ consistencyWeight, teacherView }, factor) {
    if (factor * consistencyWeight === 0) return {};
    return { unlabelled: teacherView === "weak" ? "strong-and-weak" : "strong" };
  },
  losses(network, batch, { settings, factor, random }) {
    const { consistencyWeight, distance, teacherView, noise } = settings;
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network.student, batch) };
    if (!batch.unlabelled) return terms;
    const { images, weakImages } = batch.unlabelled;
    const targets = network.teach(teacherView === "weak" ? weakImages! : withNoise(images, random, noise));
    const distances = network.student.segment(images).map((z, m) =>
      distance === "dice"
        ? targetConsistency(z!, targets[m]!)
        : squaredDifference(softmax(z!, 1), targets[m]!)
    );
    const value = meanOf(distances);
    return { ...terms, consistency: { value, weight: factor * consistencyWeight } };
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
