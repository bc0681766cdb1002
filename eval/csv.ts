/**
 * The one writer and the one reader of CSV (RFC 4180, lines that end in a line feed).
 *
 * @module
 */

import { d3 } from "./deps.ts";
import { EvalError } from "./errors.ts";
import { visible } from "./text.ts";

/** Rows as CSV, quoted where needed; `null` is an empty cell. The result ends with a line break. */
export function csvText(rows: readonly (readonly (string | number | null)[])[]): string {
  const field = (value: string | number | null): string => value === null ? "" : visible(String(value));
  return d3.csvFormatRows(rows.map((row) => row.map(field))) + "\n";
}

/** The text of a CSV file: the names of its columns, and its rows, each with as many fields. */
export interface CsvTable {
  /** Column names. */
  readonly columns: readonly string[];
  /** Fields, a row a line. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Reads CSV with a header line; a byte order mark, as spreadsheets write it, is passed over.
 *
 * @param file what to name in errors
 * @throws {EvalError} `eval.csv` for semicolons or tabs between the columns, a column named twice, a row with another
 *   number of fields than the header
 */
export function parseCsv(text: string, file: string): CsvTable {
  const [columns = [], ...rows] = d3.csvParseRows(text.replace(/^\ufeff/, ""));
  const [header = ""] = columns;
  for (const [separator, name] of [[";", "semicolons"], ["\t", "tabs"]] as const) {
    if (columns.length === 1 && header.includes(separator)) {
      throw new EvalError(
        "eval.csv",
        `${file}: columns are separated by ${name} instead of commas (line 1: ${header})`,
        {
          fix:
            "A spreadsheet saved it so. Save it as CSV with commas and decimal points, or take the file as the " +
            "program wrote it.",
        },
      );
    }
  }
  const double = columns.find((column, i) => columns.indexOf(column) !== i);
  if (double !== undefined) {
    throw new EvalError("eval.csv", `${file}: line 1 names the column "${double}" twice`, {
      fix: "Take the file as the program wrote it.",
    });
  }
  rows.forEach((row, i) => {
    if (row.length === columns.length) return;
    throw new EvalError(
      "eval.csv",
      `${file}: row ${i + 1} below the header has ${row.length} fields, the header ${columns.length}: ` +
        `"${csvText([row]).trimEnd().slice(0, 120)}"`,
      { fix: "The file is cut off or was edited; remove the damaged row, or write it anew." },
    );
  });
  return { columns, rows };
}
