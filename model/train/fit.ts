/**
 * The loop over the steps of a training.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Preparation } from "../../data/prepare/preparation.ts";
import type { LogRow } from "../../eval/mod.ts";
import { type Initial, initialise } from "../weights/initialise.ts";
import type { Prediction } from "../inference/evaluate_cases.ts";
import { requireFinite } from "./finite.ts";
import { Progress, type ProgressSink, silent } from "./progress.ts";
import { type BestState, restore, stateOf, type TrainState } from "./state.ts";
import { type QueuedStep, type StepNumbers, StepQueue, type StepTime } from "./step_queue.ts";
import type { Training, TrainingData } from "./training.ts";
import { short, stepsWithValidation, validate, validationsSinceBest, warnOfCollapse } from "./validate.ts";

/** How a training is followed and bounded; none of it changes the result. */
export interface TrainSetting extends Omit<TrainingData, "preparation"> {
  /** How cases are prepared; chosen from the training cases when absent. */
  readonly preparation?: Preparation;
  /** Where progress is shown; nowhere by default. */
  readonly progress?: ProgressSink;
  /** Ends the training after the current step, or those that are queued; what was reached is saved. */
  readonly signal?: AbortSignal;
  /**
   * Called after each step with the log so far and what the step took. On a GPU up to three steps after it are queued
   * by then where they take less than a second, so that it is never idle; otherwise the next one waits for this.
   */
  readonly stepped?: (log: readonly LogRow[], took: StepTime) => Promise<void>;
  /** Called with each prediction of a validation and the number of steps done. */
  readonly validated?: (prediction: Prediction, step: number) => Promise<void>;
  /** Called after each validation and at the end with what a resumed run needs. */
  readonly save?: (state: TrainState) => Promise<void>;
  /** Called with each test case's prediction. */
  readonly predicted?: (prediction: Prediction) => Promise<void>;
  /** Where an earlier run stopped. */
  readonly resume?: TrainState;
  /** Weights to start from, instead of random ones. */
  readonly init?: Initial;
  /** Whether {@link checkData} was called already. */
  readonly isChecked?: boolean;
}

/** Fills the networks from a file, and says what was not in it. */
function startFrom({ network, average }: Training, { file, partial }: Initial, progress: Progress): void {
  const { loaded, notLoaded } = initialise(network, file, { partial });
  if (average) initialise(average, file, { partial });
  progress.note(`${loaded.length} tensors start from the given weights`);
  if (notLoaded.length === 0) return;
  progress.note(`${notLoaded.length} start from random numbers:`);
  for (const line of notLoaded) progress.note(`  ${line}`);
}

/** The log's row of a step, without what a validation adds, once its numbers are known to be numbers. */
function checkedRow({ step, batches, learningRate }: QueuedStep, numbers: StepNumbers): LogRow {
  const parts = batches.flatMap(({ labelled, unlabelled, pseudoLabelled }) => [
    labelled,
    unlabelled,
    pseudoLabelled,
  ]);
  requireFinite(step + 1, numbers, parts.flatMap((part) => part?.cases ?? []));
  const shown = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, short(value)]));
  return { step: step + 1, lr: short(learningRate), ...shown };
}

const bestAt = async (training: Training, step: number, dice: number | null): Promise<BestState> => ({
  step,
  dice,
  network: await training.segment.network.stateDict(),
});

/** Validates after a step and adds that to its row; returns the best parameters so far. */
async function judge(
  training: Training,
  { dataset, split, validated }: TrainSetting,
  row: LogRow,
  best: BestState | null,
  progress: Progress,
): Promise<BestState> {
  const step = row.step!, { steps } = training.config;
  const seen = validated && ((prediction: Prediction) => validated(prediction, step));
  const columns = await validate(training, dataset, split.validation, progress, seen);
  Object.assign(row, columns);
  const dice = columns.val_dice;
  const isBest = best === null || dice > best.dice!;
  progress.note(`step ${step}: validation Dice ${dice.toFixed(3)}${isBest ? " (best)" : ""}`);
  if (2 * step >= steps) warnOfCollapse(columns, progress);
  return isBest ? await bestAt(training, step, dice) : best;
}

/**
 * Runs the steps.
 *
 * @returns what was reached, or null when the signal ended it early
 */
export async function fit(
  training: Training,
  setting: TrainSetting,
): Promise<{ best: BestState; log: LogRow[]; waitedMs: number } | null> {
  const { config, method, loader } = training;
  const { progress: sink = silent, signal, save, stepped, resume, init } = setting;
  const log: LogRow[] = [...resume?.log ?? []];
  let best = resume?.best ?? null;
  if (resume) restore(training, resume);
  const progress = new Progress(sink, config.steps);
  if (init && !resume) startFrom(training, init, progress);
  const validateAfter = stepsWithValidation(config.steps, config.validations);
  if (!loader.hasUnlabelled && method.wants(config.settings, 1).unlabelled) {
    progress.note("warning: the split has no unlabelled case; training uses the labelled ones alone");
  }
  training.device.onCompile = (kernels) => progress.busy(`compiling kernels: ${kernels}`);
  // A run that is killed early has something to go on from, and a disk that is full shows now.
  if (!resume) await save?.(await stateOf(training, 0, null, log));
  const isStale = () => config.patience > 0 && validationsSinceBest(log) >= config.patience;
  const queue = new StepQueue(training, async (step, numbers, took) => {
    const row = checkedRow(step, numbers);
    const isJudged = validateAfter.has(row.step!);
    if (isJudged && !method.isPretraining) best = await judge(training, setting, row, best, progress);
    else if (method.isPretraining && row.step === config.steps) {
      best = await bestAt(training, row.step!, null);
    }
    log.push(row);
    await stepped?.(log, took);
    progress.step(row.step!, `loss ${row.loss!.toFixed(4)}`);
    if (isJudged && isStale()) progress.note(`no better validation in ${config.patience}: ending early`);
  });
  for (let step = resume?.step ?? 0; step < config.steps && !isStale(); step++) {
    await setImmediate(); // timers, signals and other tasks of the program have their turn
    await queue.add(step);
    if (!validateAfter.has(step + 1) && !signal?.aborted) continue;
    await queue.finish();
    const stop = signal?.aborted ?? false;
    await save?.(await stateOf(training, step + 1, best, log));
    if (stop && step + 1 < config.steps && !isStale()) return null;
  }
  return { best: best!, log, waitedMs: queue.waitedMs };
}
