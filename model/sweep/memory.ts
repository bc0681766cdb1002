/**
 * Whether the processes of a sweep fit into the memory together.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";

/** What a training process takes besides the tensors of a step: the program, decoded scans, batches made ahead. */
const besideBytes = 400 * 2 ** 20;

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * Refuses more processes than the memory holds.
 *
 * @param peakBytes most bytes that a training step of any cell takes, from its plan
 * @param freeBytes what the machine has left
 * @throws {CodedError} `sweep.memory` with the number of processes that fit
 */
export function requireMemory(jobs: number, peakBytes: number, freeBytes: number): void {
  const each = peakBytes + besideBytes, fit = Math.floor(freeBytes / each);
  if (jobs <= fit) return;
  throw new CodedError(
    "sweep.memory",
    `${jobs} ${jobs === 1 ? "job" : "jobs"} of ${gib(each)} (${gib(peakBytes)} in a training step) need ${
      gib(jobs * each)
    }; ${gib(freeBytes)} are free`,
    { fix: fit > 0 ? `Give --jobs ${fit}.` : "Choose a smaller patch, batch or preset, or free memory." },
  );
}
