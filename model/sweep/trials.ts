/**
 * Settings that an optimiser outside proposes, and what came of them. It asks with a list of trials, and is told a value
 * for each; what to propose next is its affair.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { z } from "../deps.ts";
import type { CellReport } from "./cell_state.ts";

/** Settings that are tried. */
export interface Trial {
  /** The optimiser's name for it. */
  readonly id: string;
  /** Values by setting, such as `learningRate` or `settings.cscWeight`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

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

const schema = z.array(z.strictObject({
  id: z.union([z.string().min(1), z.int().nonnegative()]).transform(String),
  settings: z.record(z.string(), z.unknown()),
})).nonempty();

/**
 * Checks a list of trials.
 *
 * @param where what to name in errors
 * @throws {CodedError} `sweep.trials` with the place of the first problem
 */
export function parseTrials(value: unknown, where: string): Trial[] {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError("sweep.trials", `${where}: ${issue!.path.map(String).join(".")}: ${issue!.message}`, {
    fix: 'Write a list such as [{ "id": "7", "settings": { "learningRate": 0.001 } }].',
  });
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
