/**
 * What a training consists of: data, network, optimiser, schedule.
 *
 * @module
 */

import { type Dataset, isLabelled } from "../../data/dataset.ts";
import { AheadLoader, type BatchSource } from "../../data/ahead_loader.ts";
import { defaultAugmentation, noAugmentation, strongAugmentation } from "../../data/augmentation.ts";
import type { DataWarning } from "../../data/errors.ts";
import { BatchLoader } from "../../data/loader.ts";
import type { FurtherViews } from "../../data/patch.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import type { Split } from "../../data/split.ts";
import { type Device, requireStored } from "../../tensor/device.ts";
import type { Init } from "../../tensor/layers.ts";
import { AdamW, Sgd } from "../../tensor/optim.ts";
import type { Optimizer } from "../../tensor/optimizer.ts";
import { Random } from "../../tensor/random.ts";
import type { Method, UnlabelledViews } from "./method.ts";
import { type Segmenter, taskOf } from "../segmenter.ts";
import { methodOf, resolveConfig, type TrainConfig, type TrainOptions } from "./resolve.ts";
import { checkTraining } from "./checks.ts";
import type { Phases } from "./schedule.ts";
import type { SegmentSetting } from "../inference/segment_case.ts";

/** What a training works on. */
export interface TrainingData {
  /** Where it computes. */
  readonly device: Device;
  /** The cases. */
  readonly dataset: Dataset;
  /** Which cases are for what. */
  readonly split: Split;
  /** How cases are prepared, in training and ever after. */
  readonly preparation: Preparation;
  /**
   * Prepare batches in a worker, ahead of the device. The data set's `source` must then say all there is to it,
   * as it does for a phantom or a manifest.
   */
  readonly inWorker?: boolean;
  /** The unlabelled cases with labels that networks predicted, which are then learned from too, weighed lower. */
  readonly pseudoLabelled?: Dataset;
  /** Called with everything odd that the worker finds in a file; without a worker the data set tells it itself. */
  readonly onWarning?: (warning: DataWarning) => void;
}

const furtherViews: Readonly<Record<UnlabelledViews, FurtherViews>> = {
  "strong": {},
  "strong-and-weak": { weak: true },
  "two-strong-and-weak": { weak: true, second: true },
};

const augmentations = { none: noAugmentation, default: defaultAugmentation, strong: strongAugmentation };

/** An open training; disposing of it frees the network and the optimiser. */
export interface Training extends Disposable {
  /** Where it computes. */
  readonly device: Device;
  /** Complete settings. */
  readonly config: TrainConfig;
  /** The method. */
  readonly method: Method;
  /** Its networks. */
  readonly network: Segmenter;
  /** Their moving average, which then predicts, when the settings ask for one. */
  readonly average: Segmenter | undefined;
  /** State of the parameters. */
  readonly optimizer: Optimizer;
  /** Batches of each step. */
  readonly loader: BatchSource;
  /** Batches with pseudo-labels, when there are any. */
  readonly pseudoLoader: BatchSource | undefined;
  /** The two phases. */
  readonly phases: Phases;
  /** How cases are prepared. */
  readonly preparation: Preparation;
  /** How cases are segmented. */
  readonly segment: SegmentSetting;
}

/** The parts that are trained on: with `usesAllLabels`, labels of unlabelled cases count, where there are any. */
function trainedParts(
  { usesAllLabels, isPretraining }: Method,
  { overfit }: TrainConfig,
  dataset: Dataset,
  split: Split,
): Split {
  const { labelled, unlabelled } = split;
  const none = { validation: [], test: [] };
  if (overfit > 0) return { ...none, labelled: labelled.slice(0, overfit), unlabelled: [] };
  if (isPretraining) return { ...none, labelled: [], unlabelled: [...labelled, ...unlabelled] };
  if (!usesAllLabels) return { ...none, labelled, unlabelled };
  const withLabels = new Set(dataset.cases.filter(isLabelled).map(({ id }) => id));
  return {
    ...none,
    labelled: [...labelled, ...unlabelled.filter((id) => withLabels.has(id) && !labelled.includes(id))],
    unlabelled: [],
  };
}

/**
 * A split as a training uses it: whose labels it learns from, whose images alone, and which cases judge it. With
 * `overfit` these are those it is trained on; a pre-training has none.
 */
export function usedParts(method: Method, config: TrainConfig, dataset: Dataset, split: Split): Split {
  const trained = trainedParts(method, config, dataset, split);
  if (method.isPretraining) return trained;
  const { validation, test } = split;
  return { ...trained, ...(config.overfit > 0 ? { validation: trained.labelled } : { validation, test }) };
}

/** A split that trains on the labels of all cases. */
export function allLabelled({ cases }: Dataset): Split {
  return { labelled: cases.map(({ id }) => id), unlabelled: [], validation: [], test: [] };
}

/** The configured optimiser of a network. */
export function optimizerFor(
  network: Segmenter,
  { optimizer, weightDecay, momentum }: TrainConfig,
): Optimizer {
  return optimizer === "sgd"
    ? new Sgd(network, { weightDecay, momentum })
    : new AdamW(network, { weightDecay });
}

/** Checks the settings and makes networks, optimiser and loader. Nothing is loaded yet. */
export function openTraining(
  options: TrainOptions,
  { device, dataset, split, preparation, pseudoLabelled, inWorker = false, onWarning }: TrainingData,
): Training {
  const method = methodOf(options);
  const config = resolveConfig(options, method);
  requireStored(device, config.storage);
  checkTraining(method, config, dataset, split, pseudoLabelled);
  const { patch, batch, seed, steps } = config;
  const batches = {
    preparation,
    patch,
    labelled: batch,
    unlabelled: batch,
    seed,
    augmentation: augmentations[config.overfit > 0 ? "none" : config.augmentation],
    views: furtherViews[method.wants(config.settings, 1).unlabelled ?? "strong"],
  };
  const loaderOf = (from: Dataset, parts: Split) =>
    inWorker
      ? new AheadLoader(from, parts, { ...batches, ...(onWarning && { onWarning }) })
      : new BatchLoader(from, parts, batches);
  const loader = loaderOf(dataset, trainedParts(method, config, dataset, split));
  const pseudoLoader = pseudoLabelled && loaderOf(pseudoLabelled, allLabelled(pseudoLabelled));
  const task = taskOf(preparation);
  // Built from the same numbers, the average starts where the parameters start.
  const init = (): Init => ({ device, random: new Random(seed).child("init") });
  const network = method.build(init(), task, config, config.settings);
  const average = config.averageDecay > 0 ? method.build(init(), task, config, config.settings) : undefined;
  const optimizer = optimizerFor(network, config);
  return {
    device,
    config,
    method,
    network,
    average,
    optimizer,
    loader,
    pseudoLoader,
    phases: { steps, semiSupervisedFrom: Math.round(config.semiSupervisedFrom * steps) },
    preparation,
    segment: {
      device,
      network: average ?? network,
      patch,
      classes: task.classes,
      aligned: preparation.aligned,
    },
    [Symbol.dispose]() {
      loader[Symbol.dispose]();
      pseudoLoader?.[Symbol.dispose]();
      network[Symbol.dispose]();
      average?.[Symbol.dispose]();
      optimizer[Symbol.dispose]();
    },
  };
}
