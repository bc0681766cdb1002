import { parseCsv } from "../csv.ts";
import { EvalError } from "../errors.ts";

/** One line of a training log: the step and whatever was logged at it. */
export interface LogRow {
  /** Optimiser steps done. */
  readonly step: number;
  /** Losses, learning rate and validation scores by column name; a column left empty is not there. */
  readonly [column: string]: number;
}

/**
 * Reads the text of a `log.csv`: a header with `step`, then numbers, empty where nothing was logged.
 *
 * @param file what to name in errors
 * @throws {EvalError} `eval.csv` for what is no such CSV, `eval.log` with the row for a missing `step` column or
 *   something not a number
 *
 * @example
 * ```ts
 * import { parseLog } from "./log.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseLog("step,loss,val_dice\n1,0.9,\n2,0.7,0.51\n"), [
 *   { step: 1, loss: 0.9 },
 *   { step: 2, loss: 0.7, val_dice: 0.51 },
 * ]);
 * ```
 */
export function parseLog(csv: string, file = "log.csv"): LogRow[] {
  const { columns, rows } = parseCsv(csv, file);
  if (!columns.includes("step")) {
    throw new EvalError(
      "eval.log",
      `${file}: line 1 is "${columns.join(",")}"; expected column names with "step" among them`,
      { fix: "Give the log.csv of a run folder." },
    );
  }
  return rows.map((fields, i) =>
    // fromEntries makes fields of its own even for a column named __proto__.
    Object.fromEntries(columns.flatMap((column, c) => {
      const field = fields[c]!, value = Number(field);
      if (field === "" && column !== "step") return [];
      if (field === "" || Number.isNaN(value)) {
        throw new EvalError(
          "eval.log",
          `${file}: row ${i + 1} below the header, column "${column}": "${field}" is not a number`,
          {
            fix: "The log may be cut off; remove the damaged line.",
          },
        );
      }
      return [[column, value]];
    })) as unknown as LogRow
  );
}

/** The columns of logs that are losses or validation scores: all but the step, the learning rate and the gradient's norm. */
export function lossColumns(logs: readonly (readonly LogRow[])[]): string[] {
  const logged = new Set(logs.flatMap((rows) => rows.flatMap((row) => Object.keys(row))));
  return [...logged].filter((name) => !["step", "lr", "gradient_norm"].includes(name));
}
