/**
 * The state of a sweep, once or as long as something runs.
 *
 * @module
 */

import {
  type Cell,
  type CellReport,
  cellReport,
  countStates,
  secondsLeft,
  statusText,
} from "../model/sweep/mod.ts";
import type { Result } from "./command.ts";
import { terminal } from "./terminal.ts";

/** How often a table on a terminal is drawn anew, in milliseconds. */
const refreshMs = 2_000;

/** What a cluster says about cells, by their names. */
export interface Queue {
  /** Those that wait or run. */
  readonly waiting: ReadonlyMap<string, "queued" | "running">;
  /** How those ended that did not end by themselves. */
  readonly ended: ReadonlyMap<string, string>;
}

/** Where no cluster is asked. */
export const noQueue: Queue = { waiting: new Map(), ended: new Map() };

/** The state of every cell. */
export async function reportsOf(
  folder: string,
  cells: readonly Cell[],
  queue: Queue = noQueue,
): Promise<CellReport[]> {
  return await Promise.all(cells.map(async (cell) => {
    const report = await cellReport(folder, cell, queue.waiting.get(cell.name));
    const ended = queue.ended.get(cell.name);
    const isOpen = report.state === "cut off" || report.state === "waiting";
    return isOpen && ended !== undefined ? { ...report, error: `Slurm: ${ended}` } : report;
  }));
}

/** The state of a sweep as a result. */
export async function statusResult(
  folder: string,
  cells: readonly Cell[],
  queue?: Queue,
): Promise<Result> {
  return resultOf(folder, await reportsOf(folder, cells, queue));
}

function resultOf(folder: string, reports: readonly CellReport[]): Result {
  return {
    text: statusText(reports),
    json: {
      folder,
      counts: Object.fromEntries(countStates(reports)),
      secondsLeft: secondsLeft(reports),
      cells: reports.map(({ cell, ...report }) => ({
        cell: cell.name,
        row: cell.row,
        seed: cell.seed,
        ...report,
      })),
    },
  };
}

/**
 * Draws the table again and again on a terminal, until nothing runs or waits in a queue.
 *
 * @param askQueue asks the cluster
 */
export async function followStatus(
  folder: string,
  cells: readonly Cell[],
  askQueue: () => Promise<Queue>,
): Promise<Result> {
  for (;;) {
    const reports = await reportsOf(folder, cells, await askQueue()), result = resultOf(folder, reports);
    const goesOn = reports.some(({ state }) => state === "running" || state === "queued");
    if (!terminal.isTerminal || !goesOn) return result;
    terminal.write(`\x1b[H\x1b[2J${result.text}\n`);
    await new Promise((resolve) => setTimeout(resolve, refreshMs));
  }
}
