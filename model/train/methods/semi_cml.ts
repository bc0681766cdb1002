/**
 * Semi-CML (Zhang et al., Medical Image Analysis 2023): a U-Net a modality; on unlabelled cases like areas by
 * contrast with other cases (ASC), like predictions (squared difference), and later pseudo-labels of the modality
 * that is better on labelled patches, from a moving average and several passes with noise (PReL).
 *
 * Ours differs from the paper: the supervised loss is that of all methods here, and the average has a fixed decay.
 *
 * @module
 */

import { areaSimilarityContrast, softDice, weightedCrossEntropy } from "../../../losses/mod.ts";
import { update } from "../../../tensor/apply.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import type { Init } from "../../../tensor/layers.ts";
import { argmax, oneHot } from "../../../tensor/ops/class_labels.ts";
import { concat } from "../../../tensor/ops/layout.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import { averageOp } from "../../../tensor/ops/update.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { NetworkConfig } from "../../network_config.ts";
import type { Task } from "../../segmenter.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { buildSeparate, type SeparateSegmenter } from "./networks.ts";
import { noiseSetting, teacherSettings, TeacherStudent, withNoise } from "./teacher.ts";
import { meanOf, overPairs, supervisedLoss } from "./terms.ts";

const settings = {
  ascWeight: quantity(3.5, "weight of the area-similarity contrast; a batch needs two cases or more"),
  mseWeight: quantity(0.5, "weight of the squared difference between modalities"),
  pseudoWeight: quantity(0.5, "weight of what pseudo-labels teach, beside labels"),
  relearnFrom: quantity(0.5, "ramp of the unlabelled losses from which pseudo-labels teach", { max: 1 }),
  passes: quantity(4, "passes of the teacher with noise, of which the mean counts", {
    min: 1,
    isInteger: true,
  }),
  noise: noiseSetting,
  ...teacherSettings,
} as const;

/** ASC counts for less once pseudo-labels teach, by this factor: 0.01 after 3.5 in the paper. */
const ascAfterwards = 0.01 / 3.5;

/** A U-Net a modality, their average, and how well each modality does on labelled patches. */
export class SemiCml extends TeacherStudent<SeparateSegmenter> {
  /** Moving average of each modality's soft Dice on labelled patches, `[M]`; no parameter. */
  readonly dice: Tensor;

  /** Initialises from the stream. */
  constructor(init: Init, task: Task, config: NetworkConfig, predictor: "student" | "teacher") {
    super(init, (one) => buildSeparate(one, task, config), predictor);
    this.dice = Tensor.zeros(init.device, [task.modalities]);
  }

  /** Takes the predictions on labelled patches into account. */
  judge(logits: readonly (Tensor | null)[], labels: readonly Tensor[]): void {
    noGrad(() => {
      const scores = logits.map((z, m) => {
        const truth = oneHot(labels[m]!, z!.shape[1]!, 1);
        return softDice(softmax(z!, 1).narrow(1, 1), truth.narrow(1, 1)).mean().reshape([1]);
      });
      update(averageOp, [concat(scores, 0)], [this.dice], { decay: 0.9 });
    });
  }

  /** The decisions of the better modality's average about unlabelled patches, `[N,D,H,W]`. */
  decide(predictions: readonly Tensor[]): Tensor {
    const isBest = oneHot(argmax(this.dice, 0).reshape([1]), this.dice.shape[0]!, 1);
    const chosen = predictions.map((p, m) => p.mul(isBest.narrow(1, m, 1).reshape([1, 1, 1, 1, 1])));
    return argmax(chosen.reduce((sum, p) => sum.add(p)), 1);
  }
}

/** Contrastive mutual learning and relearning from pseudo-labels. */
export const semiCml: Method<typeof settings, SemiCml> = {
  name: "semi-cml",
  cite: "Zhang et al., Medical Image Analysis 2023",
  summary: "a U-Net a modality; area-similarity contrast, then pseudo-labels of the better modality",
  settings,
  leastModalities: 2,
  comparesVoxels: () => true,
  build: (init, task, config, { predictor }) => new SemiCml(init, task, config, predictor),
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong" } : {},
  losses(network, { labelled, unlabelled }, { settings, factor, random, isPseudoLabelled }) {
    const { ascWeight, mseWeight, pseudoWeight, relearnFrom, passes, noise } = settings;
    const own = network.student.segment(labelled.images);
    if (!isPseudoLabelled) network.judge(own, labelled.labels);
    const terms: Record<string, LossTerm> = {
      supervised: { value: supervisedLoss(own, labelled.labels), weight: 1 },
    };
    if (!unlabelled) return terms;
    const logits = network.student.segment(unlabelled.images);
    const p = logits.map((z) => softmax(z!, 1));
    const relearns = factor >= relearnFrom;
    terms.asc = {
      value: overPairs(p, areaSimilarityContrast),
      weight: factor * ascWeight * (relearns ? ascAfterwards : 1),
    };
    terms.mse = {
      value: overPairs(p, (a, b) => a.sub(b).square().mean()),
      weight: factor * mseWeight,
    };
    if (relearns) {
      const labels = noGrad(() => {
        const noisy = Array.from(
          { length: passes },
          (_, i) => network.teach(withNoise(unlabelled.images, random.child(i), noise)),
        );
        const mean = p.map((_, m) =>
          noisy.map((pass) => pass[m]!).reduce((sum, q) => sum.add(q)).div(passes)
        );
        return network.decide(mean);
      });
      const value = meanOf(logits.map((z) => weightedCrossEntropy(z!, labels)));
      terms.pseudo = { value, weight: factor * pseudoWeight };
    }
    return terms;
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
