/**
 * Everything that can be refused before the first step.
 *
 * @module
 */

import { type Dataset, incompleteCases, isLabelled } from "../../data/dataset.ts";
import { DataError } from "../../data/errors.ts";
import { checkJudgedCases, checkLabelledClasses } from "../../data/label_check.ts";
import { listed } from "../../data/listed.ts";
import { checkSplit, type Split } from "../../data/split.ts";
import { CodedError } from "../../tensor/errors.ts";
import type { Method } from "./method.ts";
import { Progress, type ProgressSink, silent } from "./progress.ts";
import type { TrainConfig } from "./resolve.ts";

/**
 * Refuses settings, data and split that do not go together. Reads no file.
 *
 * @param pseudoLabelled cases with pseudo-labels, if there are any
 * @throws {CodedError} `method.deep_supervision`, `method.modalities`, `method.pseudo_labels`, `method.unpaired`
 * @throws {DataError} `split.*`
 */
export function checkTraining(
  method: Method,
  config: TrainConfig,
  dataset: Dataset,
  split: Split,
  pseudoLabelled?: Dataset,
): void {
  const { name, paired, aligned, modalities } = dataset;
  const { leastModalities = 1, mostModalities = Infinity } = method;
  if (modalities.length < leastModalities) {
    throw new CodedError(
      "method.modalities",
      `${method.name} needs ${leastModalities} modalities, but the data set ${name} has ${modalities.length}`,
      { fix: "Use --method cmc-single, or --method supervised, which works with one." },
    );
  }
  if (modalities.length > mostModalities) {
    throw new CodedError(
      "method.modalities",
      `${method.name} is for ${mostModalities} modality, but the data set ${name} has ${modalities.length}`,
      { fix: `Choose one with --modalities ${modalities[0]!.id}, or use --method cmc.` },
    );
  }
  checkSplit(dataset, split);
  if (split.labelled.length === 0) {
    throw new DataError("split.empty", "the split has no labelled case to train on", {
      fix: "Raise the label ratio, or add labels.",
    });
  }
  if (config.deepSupervision === "on") checkDeepSupervision(method, config);
  if (pseudoLabelled) checkPseudoLabels(method, config, pseudoLabelled, split);
  if (!method.comparesVoxels(config.settings) || (paired && aligned) || config.unpaired === "force") return;
  const incomplete = paired ? [] : incompleteCases(modalities, dataset.cases);
  const otherwise =
    "or use a method or settings that do not compare voxels, such as --method supervised, or CMC's " +
    "--csc-form pooled --cac-form proportion; with --unpaired force they are compared all the same, and " +
    "predictions of unlike places are drawn together.";
  throw new CodedError(
    "method.unpaired",
    `${method.name} compares the modalities voxel by voxel, but the data set ${name} is ${
      paired ? "not aligned" : "not paired"
    }${incomplete.length > 0 ? `: ${incomplete.length} cases lack an image: ${listed(incomplete)}` : ""}`,
    {
      fix: incomplete.length > 0
        ? `Complete these cases or take them out of the manifest, ${otherwise}`
        : `Register the images and declare them aligned, ${otherwise}`,
    },
  );
}

/** Deep supervision is for methods that use it, and networks with a level between the coarsest and the finest. */
function checkDeepSupervision(method: Method, { settings, levels }: TrainConfig): void {
  const isUsed = method.supervisesDeeply?.(settings) ?? false;
  if (isUsed && levels.length > 2) return;
  throw new CodedError(
    "method.deep_supervision",
    isUsed
      ? `deep supervision needs three levels, the network has ${levels.length}`
      : `${method.name} has no deep supervision with these settings`,
    { fix: "Leave deep supervision off." },
  );
}

/** Pseudo-labels are for unlabelled cases, and for trainings that do without their labels. */
function checkPseudoLabels(
  { name, usesAllLabels, isPretraining }: Method,
  { overfit }: TrainConfig,
  { cases }: Dataset,
  { unlabelled }: Split,
): void {
  if (cases.length === 0) {
    throw new DataError("split.empty", "the split has no unlabelled case that could have pseudo-labels", {
      fix: "Leave pseudo-labels out, or lower the label ratio.",
    });
  }
  const other = cases.find(({ id }) => !unlabelled.includes(id));
  if (other) {
    throw new DataError(
      "split.pseudo_labels",
      `case ${other.id} has pseudo-labels, but is not in the unlabelled list of the split`,
      { fix: "Give pseudo-labels of unlabelled cases alone: others are labelled, or kept for judging." },
    );
  }
  if (!usesAllLabels && !isPretraining && overfit === 0) return;
  throw new CodedError(
    "method.pseudo_labels",
    `${overfit > 0 ? "a training with overfit" : name} does not learn from pseudo-labels`,
    { fix: "Leave them out, or choose a method that learns from labelled and unlabelled cases." },
  );
}

/**
 * Checks all that files can tell before the first step: labels of every class to learn from, pseudo-labels on the
 * grids of their images, and cases that can be judged. A pre-training needs none of them.
 *
 * @throws {DataError} as {@link checkLabelledClasses} and {@link checkJudgedCases}
 */
export async function checkData(
  { dataset, split, pseudoLabelled, progress: sink = silent }: {
    readonly dataset: Dataset;
    readonly split: Split;
    readonly pseudoLabelled?: Dataset;
    readonly progress?: ProgressSink;
  },
  { isPretraining }: Pick<Method, "isPretraining">,
): Promise<void> {
  if (isPretraining) return;
  const progress = new Progress(sink, 1);
  for (const { message } of await checkLabelledClasses(dataset, split)) progress.note(`warning: ${message}`);
  for (const of of pseudoLabelled?.cases.filter(isLabelled) ?? []) await pseudoLabelled!.loadLabels(of);
  await checkJudgedCases(dataset, split, (id, share) => progress.busy(`checking ${id}`, share));
  progress.clear();
}
