/**
 * The other thread of an `AheadLoader`: makes the batches it is asked for.
 *
 * @module
 */

import type { DatasetSource } from "./dataset.ts";
import { CodedError } from "./errors.ts";
import { BatchLoader, type BatchOptions } from "./loader.ts";
import { openSource } from "./open_source.ts";
import type { Split } from "./split.ts";

/** What the worker is told first. */
export interface OpenMessage {
  /** The data set. */
  readonly source: DatasetSource;
  /** Its split. */
  readonly split: Split;
  /** What the batches look like. */
  readonly options: BatchOptions;
}

/** A request for a batch; it is answered with the batch, an error or a warning under the same key. */
export interface BatchRequest {
  /** Which stream. */
  readonly stream: "labelled" | "unlabelled";
  /** Which step. */
  readonly step: number;
}

/** This thread's end of the channel; the types of the library are those of a page, which has none. */
const channel = globalThis as unknown as {
  onmessage: (event: MessageEvent<OpenMessage | BatchRequest>) => Promise<void>;
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
};

let loader: BatchLoader | undefined;

channel.onmessage = async ({ data }) => {
  if ("source" in data) {
    const dataset = openSource(data.source, { onWarning: (warning) => channel.postMessage({ warning }) });
    loader = new BatchLoader(dataset, data.split, data.options);
    return;
  }
  const { stream, step } = data;
  try {
    const batch = stream === "labelled"
      ? await loader!.labelledBatch(step)
      : await loader!.unlabelledBatch(step);
    const { cases: _, shape: __, ...arrays } = batch;
    const buffers = Object.values(arrays).flatMap((perModality) => perModality.map(({ buffer }) => buffer));
    channel.postMessage({ stream, step, batch }, buffers);
  } catch (error) {
    const { message } = error as Error;
    const coded = error instanceof CodedError ? { code: error.code, fix: error.fix } : { code: "internal" };
    channel.postMessage({ stream, step, error: { message, ...coded } });
  }
};
