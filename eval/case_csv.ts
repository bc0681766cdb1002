import type { CaseRecord } from "./case_record.ts";
import { csvField } from "./render_table.ts";

/**
 * Records as CSV, one line a record, one column a field; undefined numbers are empty cells.
 *
 * @example
 * ```ts
 * import { caseCsv } from "./case_csv.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(caseCsv([]), "");
 * ```
 */
export function caseCsv<R extends CaseRecord>(records: readonly R[]): string {
  if (records.length === 0) return "";
  const columns = Object.keys(records[0]!) as (keyof R)[];
  const lines = records.map((r) =>
    columns.map((column) => csvField(r[column] as string | number | null)).join(",")
  );
  return [columns.join(","), ...lines].join("\n") + "\n";
}
