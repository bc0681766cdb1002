/**
 * CMC inside bidirectional copy-paste: pseudo-labels are what a moving average says of the weak views of all
 * modalities together; CSC compares the features of the pasted patches.
 *
 * @module
 */

import { confidentTarget } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { argmax } from "../../../tensor/ops/class_labels.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { copyPasteMask } from "./boxes.ts";
import { consistencyWeights, cscTerm } from "./cmc.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { paste, pastedTerms } from "./copy_paste.ts";
import { teacherSettings, TeacherStudent } from "./teacher.ts";
import { supervisedTerm } from "./terms.ts";

const settings = {
  cscWeight: consistencyWeights.cscWeight,
  pseudoWeight: quantity(0.5, "weight of what pseudo-labels teach, beside labels"),
  ...teacherSettings,
} as const;

/** BCP on the CMC network. */
export const cmcCopyPaste: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "cmc-copy-paste",
  cite: "ours, after Bai et al., CVPR 2023, and Zhou et al., MICCAI 2024",
  summary: "boxes of labelled patches in unlabelled ones and the other way round; joint pseudo-labels; CSC",
  settings,
  leastModalities: 2,
  comparesVoxels: () => true,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong-and-weak" } : {},
  losses(
    network,
    batch,
    { settings: { cscWeight, pseudoWeight }, factor, random },
  ): Record<string, LossTerm> {
    const { student } = network, { labelled, unlabelled } = batch;
    if (!unlabelled) return { supervised: supervisedTerm(student, batch) };
    const pasted = noGrad(() => {
      const pseudo = argmax(confidentTarget(network.teach(unlabelled.weakImages!)), 1);
      const mask = copyPasteMask(pseudo.device, pseudo.shape.slice(1), random);
      return paste(labelled, { ...unlabelled, labels: unlabelled.images.map(() => pseudo) }, mask);
    });
    const { features, logits } = student.forward(pasted.images);
    const terms: Record<string, LossTerm> = pastedTerms(logits, pasted, pseudoWeight);
    if (cscWeight > 0) terms.csc = cscTerm(features, factor * cscWeight, "cosine");
    return terms;
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
