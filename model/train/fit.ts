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
import { loadStep } from "./batches.ts";
import { requireFinite } from "./finite.ts";
import { Progress, type ProgressSink, silent } from "./progress.ts";
import { learningRateFactor, unlabelledFactor } from "./schedule.ts";
import { type BestState, moveAverage, restore, stateOf, type TrainState } from "./state.ts";
import { trainStep } from "./step.ts";
import type { Training, TrainingData } from "./training.ts";
import { short, stepsWithValidation, validate, validationsSinceBest, warnOfCollapse } from "./validate.ts";

/** What a step took, in milliseconds. */
export interface StepTime {
  /** In all, waiting for its batches included. */
  readonly ms: number;
  /** Waiting for its batches. */
  readonly waitMs: number;
}

/** How a training is followed and bounded; none of it changes the result. */
export interface TrainSetting extends Omit<TrainingData, "preparation"> {
  /** How cases are prepared; chosen from the training cases when absent. */
  readonly preparation?: Preparation;
  /** Where progress is shown; nowhere by default. */
  readonly progress?: ProgressSink;
  /** Ends the training after the current step; what was reached is saved. */
  readonly signal?: AbortSignal;
  /** Called after each step with the log so far and what the step took; the next one waits for it. */
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

/**
 * Runs the steps.
 *
 * @returns what was reached, or null when the signal ended it early
 */
export async function fit(
  training: Training,
  { dataset, split, progress: sink = silent, signal, save, stepped, validated, resume, init }: TrainSetting,
): Promise<{ best: BestState; log: LogRow[]; waitedMs: number } | null> {
  const { config, phases, method, loader } = training;
  const log: LogRow[] = [...resume?.log ?? []];
  let best = resume?.best ?? null;
  let waitedMs = 0;
  if (resume) restore(training, resume);
  const first = resume?.step ?? 0;
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
  for (let step = first; step < config.steps && !isStale(); step++) {
    await setImmediate(); // timers, signals and other tasks of the program have their turn
    const factor = unlabelledFactor(step, phases);
    const asked = performance.now();
    const batches = await loadStep(training, step, factor);
    const waitMs = performance.now() - asked;
    waitedMs += waitMs;
    const learningRate = config.learningRate * learningRateFactor(step, phases, config);
    const report = await trainStep(training, batches, { step, learningRate, factor });
    moveAverage(training, step);
    const took = { ms: performance.now() - asked, waitMs };
    requireFinite(
      step + 1,
      report,
      batches.flatMap(({ labelled, unlabelled, pseudoLabelled }) =>
        [labelled, unlabelled, pseudoLabelled].flatMap((part) => part?.cases ?? [])
      ),
    );
    const numbers = Object.fromEntries(Object.entries(report).map(([name, value]) => [name, short(value)]));
    const row: LogRow = { step: step + 1, lr: short(learningRate), ...numbers };
    const isJudged = validateAfter.has(step + 1);
    if (method.isPretraining) {
      if (step + 1 === config.steps) {
        best = { step: step + 1, dice: null, network: await training.segment.network.stateDict() };
      }
    } else if (isJudged) {
      const columns = await validate(
        training,
        dataset,
        split.validation,
        progress,
        validated && ((prediction) => validated(prediction, step + 1)),
      );
      Object.assign(row, columns);
      const dice = columns.val_dice;
      if (best === null || dice > best.dice!) {
        best = { step: step + 1, dice, network: await training.segment.network.stateDict() };
      }
      progress.note(
        `step ${step + 1}: validation Dice ${dice.toFixed(3)}${best.step === step + 1 ? " (best)" : ""}`,
      );
      if (2 * (step + 1) >= config.steps) warnOfCollapse(columns, progress);
    }
    log.push(row);
    await stepped?.(log, took);
    progress.step(step + 1, `loss ${row.loss!.toFixed(4)}`);
    if (isJudged && isStale()) progress.note(`no better validation in ${config.patience}: ending early`);
    const stop = signal?.aborted ?? false;
    if (isJudged || stop) await save?.(await stateOf(training, step + 1, best, log));
    if (stop && step + 1 < config.steps && !isStale()) return null;
  }
  return { best: best!, log, waitedMs };
}
