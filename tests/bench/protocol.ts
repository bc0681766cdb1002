/**
 * How the benchmark talks to the programs it times, each in a process of its own: the program prepares its
 * workload and prints `ready` or `refused`; for each line `run N` it then runs N times in a row and prints a sample.
 * One JSON object a line.
 */

import type { Times } from "./measure.ts";

/** A program has made its data and is waiting. */
export interface Ready {
  /** What it is: version, backend, threads. */
  readonly ready: string;
}

/** A program does not do this workload. */
export interface Refused {
  /** Why. */
  readonly refused: string;
}

/** Runs in a row: their mean. */
export interface Sample extends Times {
  /** Most memory of the process so far, code and runtime included. */
  readonly residentMiB: number;
  /** Most memory in tensors so far, where the program counts it. */
  readonly tensorMiB?: number;
}

/** Told by both sides apart from the other answers. */
export function isRefused(answer: Ready | Refused | Sample): answer is Refused {
  return "refused" in answer;
}
