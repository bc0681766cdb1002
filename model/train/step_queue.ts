/**
 * Steps on their way. A GPU is given some before the numbers of an earlier one are looked at, so that it is never idle;
 * the results are the same.
 *
 * @module
 */

import { type LoadedBatch, loadStep } from "./batches.ts";
import { learningRateFactor, unlabelledFactor } from "./schedule.ts";
import { moveAverage } from "./state.ts";
import { queueStep } from "./step.ts";
import type { Training } from "./training.ts";

/** What a step took, in milliseconds. */
export interface StepTime {
  /** Since the one before was through, without what was saved. */
  readonly ms: number;
  /** Waiting for batches in that time. */
  readonly waitMs: number;
}

/** The losses of a step and what else {@link queueStep} reports, by name. */
export type StepNumbers = Readonly<Record<string, number>>;

/** What a training does with a step whose numbers are there. */
type Finish = (step: QueuedStep, numbers: StepNumbers, took: StepTime) => Promise<void>;

/** A step and, once the device is there, its numbers. */
export interface QueuedStep {
  /** From 0. */
  readonly step: number;
  /** What {@link queueStep} reports. */
  readonly report: Promise<StepNumbers>;
  /** What it learnt from. */
  readonly batches: readonly LoadedBatch[];
  /** Its learning rate. */
  readonly learningRate: number;
}

/**
 * Steps that a GPU is ahead. In Deno a copy to the host takes 11 ms, however fast the GPU is (it asks every 10 ms
 * whether it has arrived); steps of small networks take less. Where a step takes long, who ends the training should not
 * wait for more than one.
 */
const ahead = { steps: 3, mostMs: 1000 } as const;

/** Queues the steps of a training in order and hands them on in order. */
export class StepQueue {
  readonly #training: Training;
  readonly #finish: Finish;
  readonly #queued: QueuedStep[] = [];
  #waitedMs = 0;
  #waitedSinceLast = 0;
  #lastEnd = 0;
  #lastMs = Infinity;

  /** `finish` is called with each step when its numbers are there. */
  constructor(training: Training, finish: Finish) {
    this.#training = training;
    this.#finish = finish;
  }

  /** Milliseconds that steps waited for batches. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Queues a step, and finishes those that are far enough behind. */
  async add(step: number): Promise<void> {
    if (this.#queued.length === 0) this.#lastEnd = performance.now();
    try {
      this.#queued.push(await this.#begin(step));
    } catch (error) {
      await this.finish(); // what happened before is told first
      throw error;
    }
    const isAhead = this.#training.device.kind !== "cpu" && this.#lastMs < ahead.mostMs;
    await this.#finishUntil(isAhead ? ahead.steps : 0);
  }

  /** Finishes all: parameters and log are then of the same step. */
  async finish(): Promise<void> {
    await this.#finishUntil(0);
  }

  async #finishUntil(left: number): Promise<void> {
    while (this.#queued.length > left) {
      const step = this.#queued.shift()!;
      const numbers = await step.report;
      this.#lastMs = performance.now() - this.#lastEnd;
      const took = { ms: this.#lastMs, waitMs: this.#waitedSinceLast };
      this.#waitedSinceLast = 0;
      await this.#finish(step, numbers, took);
      this.#lastEnd = performance.now();
    }
  }

  async #begin(step: number): Promise<QueuedStep> {
    const { config, phases } = this.#training;
    const factor = unlabelledFactor(step, phases);
    const asked = performance.now();
    const batches = await loadStep(this.#training, step, factor);
    const waitMs = performance.now() - asked;
    this.#waitedMs += waitMs;
    this.#waitedSinceLast += waitMs;
    const learningRate = config.learningRate * learningRateFactor(step, phases, config);
    const report = queueStep(this.#training, batches, { step, learningRate, factor });
    report.catch(() => {}); // seen when its turn comes
    moveAverage(this.#training, step);
    return { step, report, batches, learningRate };
  }
}
