/**
 * `cmc-plus`, ours: `cmc-confident` whose target comes from a moving average, and copy-paste in both directions in
 * place of plain labelled patches. Each part has a weight, so that what helps can be chosen on validation.
 *
 * @module
 */

import { confidentTarget, targetConsistency } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { argmax } from "../../../tensor/ops/class_labels.ts";
import type { LossTerm, Method } from "../method.ts";
import { choice, quantity } from "../settings.ts";
import { copyPasteMask } from "./boxes.ts";
import { consistencyWeights, cscTerm, labelWithout } from "./cmc.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { paste, pastedTerms } from "./copy_paste.ts";
import { teacherSettings, TeacherStudent } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  ...consistencyWeights,
  pseudoWeight: quantity(0.5, "weight of what pseudo-labels teach, beside labels"),
  mixing: choice(
    ["copy-paste", "none"],
    "whether labelled and unlabelled patches are pasted into each other",
  ),
  ...teacherSettings,
} as const;

/** Confident targets of a teacher, with copy-paste. */
export const cmcPlus: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "cmc-plus",
  cite: "ours",
  summary: "cmc-confident with a moving average as its teacher, and copy-paste in both directions",
  settings,
  leastModalities: 2,
  label: ({ mixing, cscWeight, cacWeight }) =>
    labelWithout("cmc-plus", { CSC: cscWeight === 0, CAC: cacWeight === 0, "copy-paste": mixing === "none" }),
  comparesVoxels: () => true,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong-and-weak" } : {},
  losses(network, batch, { settings, factor, random }): Record<string, LossTerm> {
    const { cscWeight, cacWeight, pseudoWeight, mixing } = settings;
    const { student } = network, { labelled, unlabelled } = batch;
    if (!unlabelled) return { supervised: supervisedTerm(student, batch) };
    const target = noGrad(() => confidentTarget(network.teach(unlabelled.weakImages!)));
    const terms: Record<string, LossTerm> = {};
    if (mixing === "copy-paste") {
      const pasted = noGrad(() => {
        const pseudo = argmax(target, 1);
        const mask = copyPasteMask(pseudo.device, pseudo.shape.slice(1), random);
        return paste(labelled, { ...unlabelled, labels: unlabelled.images.map(() => pseudo) }, mask);
      });
      Object.assign(terms, pastedTerms(student.segment(pasted.images), pasted, factor * pseudoWeight));
    } else terms.supervised = supervisedTerm(student, batch);
    const { features, logits } = student.forward(unlabelled.images);
    if (cscWeight > 0) terms.csc = cscTerm(features, factor * cscWeight, "cosine");
    if (cacWeight > 0) {
      const value = meanOf(logits.map((z) => targetConsistency(z!, target)));
      terms.cac = { value, weight: factor * cacWeight };
    }
    return terms;
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
