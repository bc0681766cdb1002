/**
 * The training log as CSV.
 *
 * @module
 */

import { csvText } from "../../eval/mod.ts";

/** One line a row; columns in the order they first appear, empty where a row lacks one. No clock, so that the same seed gives the same file. */
export function logCsv(rows: readonly Readonly<Record<string, number>>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return csvText([columns, ...rows.map((row) => columns.map((column) => row[column] ?? null))]);
}
