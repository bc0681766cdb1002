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

/** The state of every cell. */
export async function reportsOf(
  folder: string,
  cells: readonly Cell[],
  queued: ReadonlySet<string> = new Set(),
): Promise<CellReport[]> {
  return await Promise.all(cells.map((cell) => cellReport(folder, cell, queued.has(cell.name))));
}

/** The state of a sweep as a result. */
export async function statusResult(
  folder: string,
  cells: readonly Cell[],
  queued?: ReadonlySet<string>,
): Promise<Result> {
  const reports = await reportsOf(folder, cells, queued);
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
 * @param queuedNow the cells that wait in a queue
 */
export async function followStatus(
  folder: string,
  cells: readonly Cell[],
  queuedNow: () => Promise<ReadonlySet<string>>,
): Promise<Result> {
  for (;;) {
    const queued = await queuedNow(), result = await statusResult(folder, cells, queued);
    const reports = await reportsOf(folder, cells, queued);
    const goesOn = reports.some(({ state }) => state === "running" || state === "queued");
    if (!terminal.isTerminal || !goesOn) return result;
    terminal.write(`\x1b[H\x1b[2J${result.text}\n`);
    await new Promise((resolve) => setTimeout(resolve, refreshMs));
  }
}
