/**
 * CMC with the target of AD-MT (Zhao et al., ECCV 2024): what a moving average says of the weak views, its modalities
 * weighted by how sure they are voxel by voxel; the student learns it on strong views mixed by boxes.
 *
 * @module
 */

import { entropyWeightedMean, weightedCrossEntropy } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { argmax } from "../../../tensor/ops/class_labels.ts";
import { equal, greater, sub, where } from "../../../tensor/ops/elementwise.ts";
import { cast } from "../../../tensor/ops/layout.ts";
import { max } from "../../../tensor/ops/reduce.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { LossTerm, Method } from "../method.ts";
import { choice, quantity } from "../settings.ts";
import { cutMixMask, withNeighbour } from "./boxes.ts";
import { consistencyWeights, cscTerm } from "./cmc.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { teacherSettings, TeacherStudent } from "./teacher.ts";
import { meanOf, supervisedTerm } from "./terms.ts";

const settings = {
  cscWeight: consistencyWeights.cscWeight,
  pseudoWeight: quantity(0.5, "weight of what pseudo-labels teach, beside labels"),
  confidence: quantity(0.8, "pseudo-labels count where the target is at least so sure", { max: 1 }),
  conflict: choice(["on", "off"], "where the teacher's modalities disagree, a surer student decides"),
  ...teacherSettings,
} as const;

/** A decision for each voxel, `[N,1,D,H,W]`: class ids as floats, and how sure it is. */
interface Decision {
  readonly labels: Tensor;
  readonly confidence: Tensor;
}

function decide(p: Tensor): Decision {
  const [n, , ...sizes] = p.shape as [number, number, ...number[]];
  return {
    labels: cast(argmax(p, 1), "f32").reshape([n, 1, ...sizes]),
    confidence: max(p, { axes: [1], keepDims: true }),
  };
}

/**
 * The target of all modalities: their entropy-weighted mean; with a student, its own decision where the teacher's
 * modalities disagree and the student is of another opinion, and surer.
 */
export function entropyTarget(teacher: readonly Tensor[], student?: readonly Tensor[]): Decision {
  const joint = decide(entropyWeightedMean(teacher));
  if (!student) return joint;
  const each = teacher.map((p) => decide(p).labels);
  const agree = each.slice(1).map((labels) => equal(labels, each[0]!)).reduce((all, same) => all.mul(same));
  const own = decide(entropyWeightedMean(student));
  const takesOwn = sub(1, agree)
    .mul(sub(1, equal(own.labels, joint.labels)))
    .mul(greater(own.confidence, joint.confidence));
  return {
    labels: where(takesOwn, own.labels, joint.labels),
    confidence: where(takesOwn, own.confidence, joint.confidence),
  };
}

/** AD-MT's target over modalities on the CMC network. */
export const cmcCutMix: Method<typeof settings, TeacherStudent<CmcSegmenter>> = {
  name: "cmc-cutmix",
  cite: "ours, after Zhao et al., ECCV 2024, and Zhou et al., MICCAI 2024",
  summary: "strong views mixed by boxes follow a moving average's modalities, the surer ones more; CSC",
  settings,
  leastModalities: 2,
  supervisesDeeply: () => true,
  comparesVoxels: () => true,
  build: (init, task, config, { predictor }) =>
    new TeacherStudent(init, (one) => buildCmc(one, task, config), predictor),
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong-and-weak" } : {},
  losses(network, batch, { settings: { cscWeight, pseudoWeight, confidence, conflict }, factor, random }) {
    const terms: Record<string, LossTerm> = { supervised: supervisedTerm(network.student, batch) };
    if (!batch.unlabelled) return terms;
    const { images, weakImages } = batch.unlabelled;
    const [mask, labels, sure] = noGrad(() => {
      const student = conflict === "on"
        ? network.student.segment(weakImages!).map((z) => softmax(z!, 1))
        : undefined;
      const target = entropyTarget(network.teach(weakImages!), student);
      const [n, , ...sizes] = target.labels.shape as [number, number, ...number[]];
      const box = cutMixMask(target.labels.device, sizes, random);
      return [
        box,
        cast(withNeighbour(target.labels, box).reshape([n, ...sizes]), "i32"),
        greater(withNeighbour(target.confidence, box), confidence),
      ];
    });
    const { features, logits } = network.student.forward(images.map((x) => withNeighbour(x, mask!)));
    const value = meanOf(logits.map((z) => weightedCrossEntropy(z!, labels!, sure!)));
    terms.pseudo = { value, weight: factor * pseudoWeight };
    if (cscWeight > 0) terms.csc = cscTerm(features, factor * cscWeight, "cosine");
    return terms;
  },
  afterStep: (network, { settings: { emaDecay }, step }) => network.follow(emaDecay, step),
};
