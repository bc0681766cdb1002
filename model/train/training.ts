/**
 * What a training consists of: data, network, optimiser, schedule.
 *
 * @module
 */

import type { Dataset } from "../../data/dataset.ts";
import { AheadLoader, type BatchSource } from "../../data/ahead_loader.ts";
import { defaultAugmentation, noAugmentation, strongAugmentation } from "../../data/augmentation.ts";
import { DataError, type DataWarning } from "../../data/errors.ts";
import { BatchLoader } from "../../data/loader.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { checkSplit, type Split } from "../../data/split.ts";
import { type Device, requireStored } from "../../tensor/device.ts";
import { CodedError } from "../../tensor/errors.ts";
import { AdamW } from "../../tensor/optim.ts";
import { Random } from "../../tensor/random.ts";
import { resolveConfig, type TrainConfig, type TrainOptions } from "./config.ts";
import type { Method } from "./method.ts";
import type { Segmenter } from "../segmenter.ts";
import { methods } from "./methods/table.ts";
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
  /** Called with everything odd that the worker finds in a file; without a worker the data set tells it itself. */
  readonly onWarning?: (warning: DataWarning) => void;
}

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
  /** Moments of the parameters. */
  readonly optimizer: AdamW;
  /** Batches of each step. */
  readonly loader: BatchSource;
  /** The two phases. */
  readonly phases: Phases;
  /** How cases are prepared. */
  readonly preparation: Preparation;
  /** How cases are segmented. */
  readonly segment: SegmentSetting;
}

/**
 * Refuses settings, data and split that do not go together. Reads no file.
 *
 * @throws {CodedError} `method.modalities`, `method.unpaired`
 * @throws {DataError} `split.*`
 */
export function checkTraining(config: TrainConfig, dataset: Dataset, split: Split): void {
  const method = methods[config.method]!;
  const { name, paired, aligned, modalities } = dataset;
  const { leastModalities = 1 } = method;
  if (modalities.length < leastModalities) {
    throw new CodedError(
      "method.modalities",
      `${method.name} needs ${leastModalities} modalities, but the data set ${name} has ${modalities.length}`,
      { fix: "Use --method supervised, which works with one." },
    );
  }
  checkSplit(dataset, split);
  if (split.labelled.length === 0) {
    throw new DataError("split.empty", "the split has no labelled case to train on", {
      fix: "Raise the label ratio, or add labels.",
    });
  }
  if (method.unlabelledViews(config, 1) === "none" || (paired && aligned)) return;
  throw new CodedError(
    "method.unpaired",
    `${method.name} compares the modalities voxel by voxel, but the data set ${name} is ${
      paired ? "not aligned" : "not paired"
    }`,
    {
      fix: "Set both weights to 0, use --method supervised, or register the images and declare them aligned.",
    },
  );
}

/** Checks the settings and makes network, optimiser and loader. Nothing is loaded yet. */
export function openTraining(
  options: TrainOptions,
  { device, dataset, split, preparation, inWorker = false, onWarning }: TrainingData,
): Training {
  const config = resolveConfig(options);
  requireStored(device, config.storage);
  const method = methods[config.method]!;
  checkTraining(config, dataset, split);
  const { patch, batch, seed, steps } = config;
  const batches = {
    preparation,
    patch,
    labelled: batch,
    unlabelled: batch,
    seed,
    augmentation: augmentations[config.augmentation],
    weakViews: method.unlabelledViews(config, 1) === "strong-and-weak",
  };
  const loader = inWorker
    ? new AheadLoader(dataset, split, { ...batches, ...(onWarning && { onWarning }) })
    : new BatchLoader(dataset, split, batches);
  const classes = dataset.classes.length + 1;
  const init = { device, random: new Random(seed).child("init") };
  const network = method.build(init, { modalities: dataset.modalities.length, classes }, config);
  const optimizer = new AdamW(network, { weightDecay: config.weightDecay });
  return {
    device,
    config,
    method,
    network,
    optimizer,
    loader,
    phases: { steps, semiSupervisedFrom: Math.round(config.semiSupervisedFrom * steps) },
    preparation,
    segment: { device, network, patch, classes, aligned: preparation.aligned },
    [Symbol.dispose]() {
      loader[Symbol.dispose]();
      network[Symbol.dispose]();
      optimizer[Symbol.dispose]();
    },
  };
}
