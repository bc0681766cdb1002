/**
 * Training from a configuration to judged test cases.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { caseOf, withoutLabels } from "../../data/dataset.ts";
import { checkJudgedCases, checkLabelledClasses } from "../../data/label_check.ts";
import { choosePreparation, type PreparationChoices } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { type CaseRecord, type LogRow, summarise } from "../../eval/mod.ts";
import type { StateDict } from "../../tensor/module.ts";
import type { TrainConfig, TrainOptions } from "./config.ts";
import { evaluateCases, type Prediction } from "../inference/evaluate_cases.ts";
import { requireFinite } from "./finite.ts";
import { Progress, type ProgressSink, silent } from "./progress.ts";
import { learningRateFactor, unlabelledFactor } from "./schedule.ts";
import { trainStep } from "./step.ts";
import { openTraining, type Training, type TrainingData } from "./training.ts";

/** How a training is followed and bounded; none of it changes the result. */
export interface TrainSetting extends Omit<TrainingData, "preparation"> {
  /** How cases are prepared; chosen from the training cases when absent. */
  readonly preparation?: Preparation;
  /** Where progress is shown; nowhere by default. */
  readonly progress?: ProgressSink;
  /** Ends the training after the current step; what was reached is saved. */
  readonly signal?: AbortSignal;
  /** Called after each validation and at the end with what a resumed run needs. */
  readonly save?: (state: TrainState) => Promise<void>;
  /** Called with each test case's prediction. */
  readonly predicted?: (prediction: Prediction) => Promise<void>;
  /** Where an earlier run stopped. */
  readonly resume?: TrainState;
  /** Whether {@link checkData} was called already. */
  readonly isChecked?: boolean;
}

/** Everything a training has reached, on the host. */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** Parameters now. */
  readonly network: StateDict;
  /** Moments of the optimiser now. */
  readonly optimizer: StateDict;
  /** Best validation so far. */
  readonly best: BestState | null;
  /** One row a step. */
  readonly log: readonly LogRow[];
}

/** The parameters that validated best. */
export interface BestState {
  /** Step after which they were reached. */
  readonly step: number;
  /** Mean Dice over classes and modalities of the validation cases. */
  readonly dice: number;
  /** The parameters. */
  readonly network: StateDict;
}

/** A training that ended. */
export interface TrainedRun extends Training {
  /** Complete settings. */
  readonly config: TrainConfig;
  /** One row a step. */
  readonly log: readonly LogRow[];
  /** The parameters that validated best; the network holds them. */
  readonly best: BestState;
  /** Milliseconds that the steps waited for batches. */
  readonly waitedMs: number;
  /** One record for each test case, modality and class, of the best parameters. */
  readonly test: readonly CaseRecord[];
}

/** Rounds to what a 32-bit float holds, so that logs compare and stay short. */
const short = (value: number) => Number(value.toPrecision(7));

/** Dice below which a class counts as collapsed, and the share of the training after which that is said. */
const collapsed = { dice: 0.1, after: 0.5 };

/** Validation Dice: the mean, and one column a modality and class. */
function validationColumns(records: readonly CaseRecord[]): Record<string, number> {
  const { mean, groups } = summarise(records, { by: ["modality", "class_name"] });
  const columns: Record<string, number> = {};
  if (mean.dice !== null) columns.val_dice = short(mean.dice);
  for (const { group, metrics } of groups) {
    if (metrics.dice.mean !== null) {
      columns[`val_dice_${group.modality}_${group.class_name}`] = short(metrics.dice.mean);
    }
  }
  return columns;
}

function stepsWithValidation({ steps, validations }: TrainConfig): Set<number> {
  return new Set(Array.from({ length: validations }, (_, i) => Math.round(steps * (i + 1) / validations)));
}

/** The state to save, copied to the host. */
async function stateOf(
  training: Training,
  step: number,
  best: BestState | null,
  log: readonly LogRow[],
): Promise<TrainState> {
  return {
    step,
    network: await training.network.stateDict(),
    optimizer: await training.optimizer.stateDict(),
    best,
    log,
  };
}

/**
 * Trains a method, keeps the parameters that validate best, and judges them on the test cases.
 *
 * The result owns the network and the optimiser: dispose of it, or declare it with `using`.
 *
 * @param options settings; what is left out has a default
 * @returns the run, or null when the signal ended it early (its state was given to `save`)
 * @throws {CodedError} `config.*` for bad settings, `method.unpaired` when the method compares voxels of images
 * that do not correspond, `method.modalities` when it needs more of them, `dtype.unsupported` for f16 storage on a device that has none, `train.nonfinite` for
 * NaN or infinity; and what loading data throws, among it a class that no labelled case has
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
    if (!setting.isChecked) await checkData(setting);
    const finished = await fit(training, setting).finally(() => training.device.onCompile = undefined);
    if (!finished) {
      training[Symbol.dispose]();
      return null;
    }
    training.network.loadStateDict(finished.best.network);
    const { dataset, split, predicted } = setting;
    const progress = new Progress(setting.progress ?? silent, 1);
    const test = await evaluateCases(dataset, split.test, training.segment, training.preparation, {
      ...(predicted && { seen: predicted }),
      progress: (text, share) => progress.busy(`test: ${text}`, share),
    });
    progress.clear();
    return { ...training, ...finished, test };
  } catch (error) {
    training[Symbol.dispose]();
    throw error;
  }
}

/**
 * Checks all that files can tell before the first step: labels of every class to learn from, and cases that can
 * be judged.
 *
 * @throws {DataError} as {@link checkLabelledClasses} and {@link checkJudgedCases}
 */
export async function checkData(
  { dataset, split, progress: sink = silent }: Pick<TrainSetting, "dataset" | "split" | "progress">,
): Promise<void> {
  const progress = new Progress(sink, 1);
  for (const { message } of await checkLabelledClasses(dataset, split)) progress.note(`warning: ${message}`);
  await checkJudgedCases(dataset, split, (id, share) => progress.busy(`checking ${id}`, share));
  progress.clear();
}

/** The preparation that the training cases of a split call for. */
export async function preparationFor(
  { dataset, split }: Pick<TrainSetting, "dataset" | "split">,
  choices: PreparationChoices = {},
): Promise<Preparation> {
  const cases = [
    ...split.labelled.map((id) => caseOf(dataset, id)),
    ...split.unlabelled.map((id) => withoutLabels(caseOf(dataset, id))),
  ];
  const { preparation } = await choosePreparation(dataset, choices, cases);
  return preparation;
}

async function fit(
  training: Training,
  { dataset, split, progress: sink = silent, signal, save, resume }: TrainSetting,
): Promise<{ best: BestState; log: LogRow[]; waitedMs: number } | null> {
  const { config, phases, method, loader, network, optimizer } = training;
  const log: LogRow[] = [...resume?.log ?? []];
  let best = resume?.best ?? null;
  let waitedMs = 0;
  if (resume) {
    network.loadStateDict(resume.network);
    optimizer.loadStateDict(resume.optimizer, resume.step);
  }
  const first = resume?.step ?? 0;
  const progress = new Progress(sink, config.steps, first);
  const validateAfter = stepsWithValidation(config);
  if (!loader.hasUnlabelled && method.unlabelledViews(config, 1) !== "none") {
    progress.note("warning: the split has no unlabelled case; training uses the labelled ones alone");
  }
  training.device.onCompile = (kernels) => progress.busy(`compiling kernels: ${kernels}`);
  // A run that is killed early has something to go on from, and a disk that is full shows now.
  if (!resume) await save?.(await stateOf(training, 0, null, log));
  for (let step = first; step < config.steps; step++) {
    await setImmediate(); // timers, signals and other tasks of the program have their turn
    const factor = unlabelledFactor(step, phases);
    const views = loader.hasUnlabelled ? method.unlabelledViews(config, factor) : "none";
    const asked = performance.now();
    const labelled = await loader.labelledBatch(step);
    const unlabelled = views === "none" ? undefined : await loader.unlabelledBatch(step);
    waitedMs += performance.now() - asked;
    const lr = config.learningRate * learningRateFactor(step, phases);
    const report = await trainStep(training, labelled, unlabelled, lr, factor);
    requireFinite(step + 1, report, [...labelled.cases, ...unlabelled?.cases ?? []]);
    const numbers = Object.fromEntries(Object.entries(report).map(([name, value]) => [name, short(value)]));
    const row: Record<string, number> & { step: number } = { step: step + 1, lr: short(lr), ...numbers };
    const validate = validateAfter.has(step + 1);
    if (validate) {
      const records = await evaluateCases(dataset, split.validation, training.segment, training.preparation, {
        progress: (text, share) => progress.busy(`validation: ${text}`, share),
      });
      const columns = validationColumns(records);
      Object.assign(row, columns);
      const dice = columns.val_dice!; // checkData() saw that a validation case has a class
      if (best === null || dice > best.dice) {
        best = { step: step + 1, dice, network: await network.stateDict() };
      }
      progress.note(
        `step ${step + 1}: validation Dice ${dice.toFixed(3)}${best.step === step + 1 ? " (best)" : ""}`,
      );
      if (step + 1 >= collapsed.after * config.steps) warnOfCollapse(columns, progress);
    }
    log.push(row);
    progress.step(step + 1, `loss ${row.loss!.toFixed(4)}`);
    const stop = signal?.aborted ?? false;
    if (validate || stop) await save?.(await stateOf(training, step + 1, best, log));
    if (stop && step + 1 < config.steps) return null;
  }
  return { best: best!, log, waitedMs };
}

function warnOfCollapse(columns: Readonly<Record<string, number>>, progress: Progress): void {
  const low = Object.entries(columns).filter(([name, dice]) => name !== "val_dice" && dice < collapsed.dice);
  if (low.length === 0) return;
  const names = low.map(([name, dice]) =>
    `${name.replace("val_dice_", "").replace("_", " ")} ${dice.toFixed(3)}`
  );
  progress.note(`warning: validation Dice near 0 for ${names.join(", ")}; a lower learning rate may help`);
}
