/**
 * Trains the cells of a sweep in a number of processes on this machine.
 *
 * Cells are claimed by the lock of their run folder, so several launchers may work on one sweep, from several machines
 * that share a file system too: a cell that another process trains is looked at again later.
 *
 * @module
 */

import type { Cell } from "./cells.ts";

/** How an attempt at a cell ended. */
export interface Attempt {
  /** Exit code of its process. */
  readonly code: number;
  /** The error it printed, `error[code]: …`, if it did. */
  readonly error: string | null;
}

/** A process that trains a cell. */
export interface CellProcess {
  /** How it ends. */
  readonly ended: Promise<Attempt>;
  /** Asks it to save and end. */
  stop(): void;
}

/** What is to be done, and who is told. */
export interface LocalSetting {
  /** Processes at a time. */
  readonly jobs: number;
  /** Starts a cell. */
  start(cell: Cell): CellProcess;
  /** Called when a cell begins. */
  began?(cell: Cell): void;
  /** Called when an attempt ended. */
  ended?(cell: Cell, attempt: Attempt): void;
  /** Ends all processes after their current step, and starts no more. */
  readonly signal?: AbortSignal;
  /** Milliseconds until a cell that another process trains is looked at again. */
  readonly waitMs?: number;
}

/** Ended early but resumable; a device was lost, say. */
const resumable = 75;

/** Attempts at one cell that end early before it counts as failed. */
const mostAttempts = 3;

/**
 * Trains cells, in their order.
 *
 * @returns the cells whose last attempt did not end well; when stopped, also those that were cut off
 */
export async function runLocally(
  cells: readonly Cell[],
  { jobs, start, began, ended, signal, waitMs = 5_000 }: LocalSetting,
): Promise<Map<Cell, Attempt>> {
  const waiting = [...cells], failed = new Map<Cell, Attempt>(), attempts = new Map<Cell, number>();
  const work = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell !== undefined && !signal?.aborted; cell = waiting.shift()) {
      const process = start(cell);
      began?.(cell);
      const stop = () => process.stop();
      signal?.addEventListener("abort", stop);
      const attempt = await process.ended;
      signal?.removeEventListener("abort", stop);
      ended?.(cell, attempt);
      if (attempt.code === 0) continue;
      const isElsewhere = attempt.error?.startsWith("error[run.locked]") ?? false;
      const tries = (attempts.get(cell) ?? 0) + (isElsewhere ? 0 : 1);
      attempts.set(cell, tries);
      const goesOn = isElsewhere || (attempt.code === resumable && tries < mostAttempts);
      if (!goesOn || signal?.aborted) {
        failed.set(cell, attempt);
        continue;
      }
      waiting.push(cell);
      if (isElsewhere) await pause(waitMs, signal);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cells.length) }, work));
  return failed;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
    signal?.addEventListener("abort", end);
  });
}
