/**
 * The state of a sweep as people read it.
 *
 * @module
 */

import { clock } from "../train/progress.ts";
import { type CellReport, type CellState, cellStates } from "./cell_state.ts";

/**
 * Seconds until all cells are done: what is left of each, by the mean time of finished cells of its row or else of all,
 * shared by those that run. Null while nothing is finished.
 */
export function secondsLeft(reports: readonly CellReport[]): number | null {
  const mean = (of: readonly CellReport[]): number | null => {
    const times = of.flatMap(({ seconds }) => seconds ?? []);
    return times.length === 0 ? null : times.reduce((a, b) => a + b, 0) / times.length;
  };
  const overall = mean(reports);
  if (overall === null) return null;
  const open = reports.filter(({ state }) => state !== "done" && state !== "failed");
  const work = open.reduce((sum, { cell, step, steps }) => {
    const whole = mean(reports.filter((other) => other.cell.row === cell.row)) ?? overall;
    return sum + whole * (steps === null ? 1 : Math.max(0, 1 - step / steps));
  }, 0);
  return work / Math.max(1, open.filter(({ state }) => state === "running").length);
}

/** How many cells are in each state that there is. */
export function countStates(reports: readonly CellReport[]): Map<CellState, number> {
  const counts = cellStates.map((state) =>
    [state, reports.filter((report) => report.state === state).length] as const
  );
  return new Map(counts.filter(([, count]) => count > 0));
}

/** A line for all: how many are where, and when it will be over. */
export function summaryLine(reports: readonly CellReport[]): string {
  const counts = [...countStates(reports)].map(([state, count]) => `${count} ${state}`).join(", ");
  const left = secondsLeft(reports);
  return `${reports.length} cells: ${counts}${
    left === null || left === 0 ? "" : `; about ${clock(left)} left`
  }`;
}

const heads = ["cell", "state", "steps", "validation", "time"] as const;

/** A line a cell, with the error of those that failed, and a line for all. */
export function statusText(reports: readonly CellReport[]): string {
  const rows = reports.map(({ cell, state, step, steps, validation, seconds }) => [
    cell.name,
    state,
    steps === null ? "" : `${step}/${steps}`,
    validation === null ? "" : validation.toFixed(3),
    seconds === null ? "" : clock(seconds),
  ]);
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((text, i) => text.padEnd(widths[i]!)).join("  ").trimEnd();
  return [
    line(heads),
    ...rows.map((row, i) => {
      const { error } = reports[i]!;
      return error === null ? line(row) : `${line(row)}\n  ${error}`;
    }),
    "",
    summaryLine(reports),
  ].join("\n");
}
