import type { CaseRecord } from "../metrics/case_record.ts";
import { csvText, parseCsv } from "../csv.ts";
import { metricNames } from "../metrics/metrics.ts";
import { EvalError } from "../errors.ts";

/** Columns that hold text; every other column holds numbers. */
const textColumns = new Set([
  "case",
  "modality",
  "class_name",
  "status",
  "run",
  "method",
  "perturbation",
  "inputs",
  "strategy",
]);

/** Records as CSV, one line a record, one column a field; undefined numbers are empty cells. */
export function caseCsv<R extends CaseRecord>(records: readonly R[]): string {
  if (records.length === 0) return "";
  const columns = Object.keys(records[0]!) as (keyof R)[];
  return csvText([
    columns as string[],
    ...records.map((r) => columns.map((c) => r[c] as string | number | null)),
  ]);
}

/**
 * Reads the text of a `cases.csv` back into records, also when a spreadsheet put a byte order mark before it.
 *
 * @param file what to name in errors
 * @throws {EvalError} `eval.csv` for what is no such CSV, `eval.cases` with the row, when a column is missing or a number is not one
 *
 * @example
 * ```ts
 * import { caseCsv, parseCaseCsv } from "./case_csv.ts";
 * import { evaluateCase } from "../metrics/evaluate_case.ts";
 * import { ndarray } from "../deps.ts";
 * import assert from "node:assert/strict";
 *
 * const grid = { array: ndarray(Uint8Array.of(0, 1), [1, 1, 2]), spacing: [1, 1, 1] as const };
 * const classes = [{ id: 1, name: "liver, left" }];
 * const records = evaluateCase({ case: "a", modality: "ct", prediction: grid, reference: grid, classes });
 * assert.deepEqual(parseCaseCsv(caseCsv(records)), records);
 * ```
 */
export function parseCaseCsv(csv: string, file = "cases.csv"): CaseRecord[] {
  const { columns, rows } = parseCsv(csv, file);
  const missing = ["case", "modality", "class", "class_name", "status", "dice"].find((c) =>
    !columns.includes(c)
  );
  if (missing !== undefined) {
    throw new EvalError(
      "eval.cases",
      `${file}: line 1 has columns [${columns.join(", ")}]; "${missing}" is not there`,
      {
        fix: "Give the cases.csv of a run folder.",
      },
    );
  }
  return rows.map((fields, i) =>
    // A file from before a metric was there lacks its column.
    Object.fromEntries([
      ...metricNames.map((name) => [name, null]),
      ...columns.map((column, c) => {
        const field = fields[c]!;
        if (textColumns.has(column)) return [column, field];
        if (field === "") return [column, null];
        const value = Number(field);
        if (!Number.isFinite(value)) {
          throw new EvalError(
            "eval.cases",
            `${file}: row ${i + 1} below the header, column "${column}": "${field}" is not a number`,
            {
              fix: "Evaluate the run again; the file was damaged or edited.",
            },
          );
        }
        return [column, value];
      }),
    ]) as unknown as CaseRecord
  );
}
