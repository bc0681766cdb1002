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
 * @throws {EvalError} `eval.log` with the line, for a missing `step` column or something not a number
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
export function parseLog(csv: string): LogRow[] {
  const [header = "", ...lines] = csv.split(/\r?\n/);
  const columns = header.split(",");
  if (!columns.includes("step")) {
    throw new EvalError("eval.log", `line 1 is "${header}"; expected column names with "step" among them`, {
      fix: "Give the log.csv of a run folder.",
    });
  }
  const rows: LogRow[] = [];
  lines.forEach((line, i) => {
    if (line === "") return;
    const fields = line.split(",");
    const row: Record<string, number> = {};
    columns.forEach((column, c) => {
      const field = fields[c] ?? "";
      if (field === "" && column !== "step") return;
      const value = Number(field);
      if (field === "" || Number.isNaN(value) || fields.length !== columns.length) {
        throw new EvalError(
          "eval.log",
          `line ${i + 2}, column "${column}": "${line}" is not a row of numbers`,
          {
            fix: "The log may be cut off; remove the damaged line.",
          },
        );
      }
      row[column] = value;
    });
    rows.push(row as unknown as LogRow);
  });
  return rows;
}
