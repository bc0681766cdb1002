/**
 * Batches prepared by a worker while the device computes.
 *
 * @module
 */

import type { LabelledBatch, UnlabelledBatch } from "./batch.ts";
import type { Dataset } from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { BatchLoader, type BatchOptions } from "./loader.ts";
import type { BatchRequest } from "./loader_worker.ts";
import type { Split } from "./split.ts";

/** What a loader of either kind offers the trainer. */
export interface BatchSource extends Disposable {
  /** Whether there are unlabelled cases at all. */
  readonly hasUnlabelled: boolean;
  /** The labelled batch of a step (from 0). */
  labelledBatch(step: number): Promise<LabelledBatch>;
  /** The unlabelled batch of a step (from 0). */
  unlabelledBatch(step: number): Promise<UnlabelledBatch>;
}

type Answer = {
  batch?: LabelledBatch | UnlabelledBatch;
  error?: { code: string; message: string; fix?: string };
};

/**
 * Gives the same batches as a {@link BatchLoader}, made in a worker a few steps ahead. Dispose of it to end the
 * worker.
 *
 * @example The same bits as without a worker
 * ```ts
 * import { AheadLoader } from "./ahead_loader.ts";
 * import { BatchLoader } from "./loader.ts";
 * import { makePhantom } from "./phantom.ts";
 * import { choosePreparation } from "./prepare/choose.ts";
 * import { splitByLabelRatio } from "./split.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ cases: 4, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
 * const split = splitByLabelRatio(dataset, { ratio: 0.5, seed: 1, validation: 1, test: 1 });
 * const { preparation } = await choosePreparation(dataset);
 * const options = { preparation, patch: [8, 8, 8], labelled: 1, unlabelled: 1, seed: 1 } as const;
 * using ahead = new AheadLoader(dataset, split, options);
 * assert.deepEqual(await ahead.labelledBatch(0), await new BatchLoader(dataset, split, options).labelledBatch(0));
 * ```
 */
export class AheadLoader implements BatchSource {
  /** Whether there are unlabelled cases at all. */
  readonly hasUnlabelled: boolean;
  readonly #worker: Worker;
  readonly #ahead: number;
  readonly #waiting = new Map<string, PromiseWithResolvers<Answer>>();
  #waitedMs = 0;
  #failure: Answer | undefined;

  /**
   * Starts the worker.
   *
   * @param options also how many steps to prepare ahead (`ahead`, 2 when absent) and who hears of warnings
   * @throws {DataError} what {@link BatchLoader} throws for the same arguments
   */
  constructor(
    dataset: Dataset,
    split: Split,
    options: BatchOptions & { readonly ahead?: number; readonly onWarning?: (warning: DataWarning) => void },
  ) {
    const { ahead = 2, onWarning = () => {}, ...plain } = options;
    this.hasUnlabelled = new BatchLoader(dataset, split, plain).hasUnlabelled; // and refuses what it would refuse
    this.#ahead = ahead;
    this.#worker = new Worker(new URL("./loader_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => {
      if (data.warning !== undefined) return onWarning(data.warning);
      this.#waiting.get(keyOf(data))?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = {
        error: { code: "data.worker", message: `the loading worker failed: ${event.message}` },
      };
      for (const { resolve } of this.#waiting.values()) resolve(this.#failure);
    };
    this.#worker.postMessage({ source: dataset.source, split, options: plain });
  }

  /** Milliseconds that callers have waited for batches so far. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** The labelled batch of a step; the following ones are begun. */
  labelledBatch(step: number): Promise<LabelledBatch> {
    return this.#take({ stream: "labelled", step }) as Promise<LabelledBatch>;
  }

  /** The unlabelled batch of a step; the following ones are begun. */
  unlabelledBatch(step: number): Promise<UnlabelledBatch> {
    return this.#take({ stream: "unlabelled", step }) as Promise<UnlabelledBatch>;
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  async #take(request: BatchRequest): Promise<LabelledBatch | UnlabelledBatch> {
    const start = performance.now();
    for (let i = 0; i <= this.#ahead; i++) this.#request({ ...request, step: request.step + i });
    const key = keyOf(request);
    const { batch, error } = await this.#waiting.get(key)!.promise;
    this.#waiting.delete(key);
    this.#waitedMs += performance.now() - start;
    if (batch !== undefined) return batch;
    throw new DataError(error!.code, error!.message, error!.fix === undefined ? {} : { fix: error!.fix });
  }

  #request(request: BatchRequest): void {
    const key = keyOf(request);
    if (this.#waiting.has(key)) return;
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(key, answer);
    if (this.#failure !== undefined) answer.resolve(this.#failure);
    this.#worker.postMessage(request);
  }
}

function keyOf({ stream, step }: BatchRequest): string {
  return `${stream}/${step}`;
}
