/**
 * How long a training would take and how much memory its process would hold, found by doing a little of it.
 *
 * @module
 */

import { evaluateCases } from "../inference/evaluate_cases.ts";
import { type LoadedBatch, loadStep } from "./batches.ts";
import { Progress, type ProgressSink, silent } from "./progress.ts";
import type { TrainOptions } from "./resolve.ts";
import { unlabelledFactor } from "./schedule.ts";
import { trainStep } from "./step.ts";
import { openTraining, type Training, type TrainingData, usedParts } from "./training.ts";

/** What a training takes. */
export interface MeasuredTraining {
  /** Seconds of a step that sees all that the method wants. */
  readonly stepSeconds: number;
  /** Seconds of a step of the supervised phase; null when there is none. */
  readonly supervisedStepSeconds: number | null;
  /** Seconds to segment and judge a case; null when no case is judged. */
  readonly caseSeconds: number | null;
  /** Seconds of the whole training, validations and tests included. */
  readonly seconds: number;
  /** Most bytes that the process held. */
  readonly processBytes: number;
}

/** Steps that are measured in each phase, after one that compiles kernels and reads files. */
const measured = 3;

/** Runs steps from `first` on; seconds of one. Batches are prepared while the device computes, so the slower counts. */
async function secondsOfSteps(training: Training, first: number, seen: () => void): Promise<number> {
  // The first steps of a ramp have a factor that is almost 0, but cost the same.
  const placeOf = (step: number) => ({
    step,
    learningRate: 0,
    factor: unlabelledFactor(step, training.phases),
  });
  const load = (step: number) => loadStep(training, step, placeOf(step).factor);
  await trainStep(training, await load(first), placeOf(first));
  seen();
  const begin = performance.now(), loaded: [number, LoadedBatch[]][] = [];
  for (let step = first + 1; step <= first + measured; step++) loaded.push([step, await load(step)]);
  const between = performance.now();
  // Queued together, as a training does on a GPU.
  await Promise.all(loaded.map(async ([step, batches]) => {
    await trainStep(training, batches, placeOf(step));
    seen();
  }));
  return Math.max(between - begin, performance.now() - between) / 1000 / measured;
}

/**
 * Measures three steps in each phase of a training, and one case that is judged. Nothing is learned: the learning rate
 * is 0.
 */
export async function measureTraining(
  options: TrainOptions,
  setting: TrainingData & { readonly progress?: ProgressSink },
): Promise<MeasuredTraining> {
  const { dataset, progress: sink = silent } = setting;
  using training = openTraining(options, { ...setting, inWorker: false });
  const { config, method, phases } = training, progress = new Progress(sink, 1);
  const split = usedParts(method, config, dataset, setting.split);
  let processBytes = 0, done = 0;
  const seen = () => {
    processBytes = Math.max(processBytes, Deno.memoryUsage().rss);
    progress.busy(`measuring: ${++done} steps`);
  };
  const from = Math.min(phases.semiSupervisedFrom, config.steps - 1),
    wants = method.wants(config.settings, 1);
  const hasTwo = from > 0 && wants.unlabelled !== undefined && !method.isPretraining;
  const supervised = hasTwo ? await secondsOfSteps(training, 0, seen) : null;
  const step = await secondsOfSteps(training, from, seen);
  const tests = config.keep === "both" ? 2 : 1;
  const judged = method.isPretraining
    ? 0
    : config.validations * split.validation.length + tests * split.test.length;
  let caseSeconds: number | null = null;
  if (judged > 0) {
    const begin = performance.now(), [id] = [...split.validation, ...split.test];
    await evaluateCases(dataset, [id!], training.segment, training.preparation, {
      progress: (text, share) => progress.busy(`measuring: ${text}`, share),
    });
    caseSeconds = (performance.now() - begin) / 1000;
    seen();
  }
  progress.clear();
  const early = supervised === null ? 0 : from;
  return {
    stepSeconds: step,
    supervisedStepSeconds: supervised,
    caseSeconds,
    seconds: early * (supervised ?? 0) + (config.steps - early) * step + judged * (caseSeconds ?? 0),
    processBytes,
  };
}
