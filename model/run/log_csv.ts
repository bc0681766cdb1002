/**
 * The training log as CSV.
 *
 * @module
 */

/** One line a row; columns in the order they first appear, empty where a row lacks one. No clock, so that the same seed gives the same file. */
export function logCsv(rows: readonly Readonly<Record<string, number>>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => row[column] ?? "").join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}
