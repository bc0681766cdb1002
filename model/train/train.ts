/**
 * Training from a configuration to judged test cases.
 *
 * @module
 */

import { type CaseRecord, type LogRow, withDisplay } from "../../eval/mod.ts";
import { evaluateCases } from "../inference/evaluate_cases.ts";
import { checkData } from "./checks.ts";
import { displayRun } from "./display_run.ts";
import { fit, type TrainSetting } from "./fit.ts";
import { preparationFor } from "./preparation_for.ts";
import { Progress, silent } from "./progress.ts";
import type { TrainConfig, TrainOptions } from "./resolve.ts";
import type { BestState } from "./state.ts";
import { openTraining, type Training, usedParts } from "./training.ts";

/** A training that ended. */
export interface TrainedRun extends Training {
  /** Complete settings. */
  readonly config: TrainConfig;
  /** One row a step. */
  readonly log: readonly LogRow[];
  /** The parameters that validated best; the predicting network holds them unless `keep` says otherwise. */
  readonly best: BestState;
  /** Milliseconds that the steps waited for batches. */
  readonly waitedMs: number;
  /** One record for each test case, modality and class, of the parameters that are judged. */
  readonly test: readonly CaseRecord[];
  /** The same of the last parameters, where `keep` is `"both"`. */
  readonly lastTest?: readonly CaseRecord[];
}

/**
 * Trains a method, keeps the parameters that validate best, and judges them on the test cases.
 *
 * The result owns the network and the optimiser: dispose of it, or declare it with `using`.
 *
 * @param options settings; what is left out has a default
 * @returns the run, or null when the signal ended it early (its state was given to `save`)
 * @throws {CodedError} `config.*` for bad settings, `method.unpaired` when the method compares voxels of images
 * that do not correspond, `method.modalities` when it needs more of them, `dtype.unsupported` for f16 storage on a
 * device that has none, `train.nonfinite` for NaN or infinity; and what loading data throws, among it a class that no
 * labelled case has
 *
 * @example
 * ```ts
 * import { makePhantom } from "../../data/phantom.ts";
 * import { splitByLabelRatio } from "../../data/split.ts";
 * import { openDevice } from "../../tensor/mod.ts";
 * import { train } from "./train.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("cpu");
 * const dataset = makePhantom({ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1, shape: [16, 16, 16] });
 * const split = splitByLabelRatio(dataset, { ratio: 0.5, seed: 1, validation: 1, test: 1 });
 * using run = await train({ steps: 2, patch: [16, 16, 16], validations: 1 }, { device, dataset, split });
 * assert.equal(run!.log.length, 2);
 * assert.equal(run!.test.length, 2 * 3);
 * ```
 */
export async function train(options: TrainOptions, setting: TrainSetting): Promise<TrainedRun | null> {
  const preparation = setting.preparation ?? await preparationFor(setting);
  const training = openTraining(options, { ...setting, preparation });
  try {
    const { method, config } = training;
    const used = { ...setting, split: usedParts(method, config, setting.dataset, setting.split) };
    if (!setting.isChecked) await checkData(used, method);
    const finished = await fit(training, used).finally(() => training.device.onCompile = undefined);
    if (!finished) {
      training[Symbol.dispose]();
      return null;
    }
    const { dataset, predicted } = setting;
    const progress = new Progress(setting.progress ?? silent, 1);
    const judge = (what: string, seen?: TrainSetting["predicted"]) =>
      evaluateCases(dataset, used.split.test, training.segment, training.preparation, {
        ...(seen && { seen }),
        progress: (text, share) => progress.busy(`${what}: ${text}`, share),
      });
    const keepsBoth = config.keep === "both", isBestLast = finished.best.step === finished.log.at(-1)!.step;
    const apart = keepsBoth && !isBestLast ? await judge("test of the last parameters") : undefined;
    if (config.keep !== "last") training.segment.network.loadStateDict(finished.best.network);
    const test = await judge("test", predicted);
    const lastTest = keepsBoth ? apart ?? test : undefined;
    progress.clear();
    const run: TrainedRun = { ...training, ...finished, test, ...(lastTest && { lastTest }) };
    return withDisplay(run, () => displayRun(run));
  } catch (error) {
    training[Symbol.dispose]();
    throw error;
  }
}
