/**
 * What has come of the trials of a sweep.
 *
 * @module
 */

import type { CellReport } from "./cell_state.ts";

/** What is known of a trial. */
export interface TrialResult {
  /** The optimiser's name for it. */
  readonly id: string;
  /** `done` when all its cells are, `failed` when one has failed, else `running`. */
  readonly state: "done" | "failed" | "running";
  /**
   * Mean over its cells of the best validation Dice, larger is better; null until it is done. Never of test cases, which
   * would then judge what they have chosen.
   */
  readonly value: number | null;
  /** The same of each cell that is done, by its name. */
  readonly cells: Readonly<Record<string, number | null>>;
  /** Why cells failed. */
  readonly errors: readonly string[];
}

/** What the trials of a sweep have reached, in the order they were asked for. */
export function trialResults(reports: readonly CellReport[]): TrialResult[] {
  const trials = Map.groupBy(
    reports.filter(({ cell }) => cell.trial !== undefined),
    ({ cell }) => cell.trial!,
  );
  return [...trials].map(([id, own]) => {
    const isDone = own.every(({ state }) => state === "done"),
      scores = own.map(({ validation }) => validation);
    const known = scores.filter((score) => score !== null);
    return {
      id,
      state: isDone ? "done" : own.some(({ state }) => state === "failed") ? "failed" : "running",
      value: isDone && known.length === own.length ? known.reduce((a, b) => a + b, 0) / own.length : null,
      cells: Object.fromEntries(
        own.flatMap(({ cell, state, validation }) => state === "done" ? [[cell.name, validation]] : []),
      ),
      errors: own.flatMap(({ error }) => error ?? []),
    };
  });
}
