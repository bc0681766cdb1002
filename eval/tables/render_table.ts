import { csvText } from "../csv.ts";
import { htmlTable } from "./html.ts";
import { latexTable } from "./latex.ts";
import { markdownTable } from "./markdown.ts";
import type { TableFormat, TableModel } from "./table_model.ts";

const renderers: Readonly<Record<TableFormat, (model: TableModel) => string>> = {
  markdown: markdownTable,
  csv: csvTable,
  json: (model) => JSON.stringify(model, null, 2) + "\n",
  latex: latexTable,
  html: htmlTable,
};

/** Writes a table in a format; the result ends with a line break. */
export function renderTable(model: TableModel, format: TableFormat): string {
  return renderers[format](model);
}

/** A table as CSV: for each column its mean, spread and counts. */
function csvTable({ heads, columns, rows }: TableModel): string {
  const parts = ["mean", "sd", "n", "missed", "false_positive"] as const;
  const top = [...heads, ...columns.flatMap((c) => parts.map((part) => `${c.key}_${part}`))];
  return csvText([
    top,
    ...rows.map(({ heads: names, cells }) => [
      ...names,
      ...cells.flatMap((cell) => parts.map((part) => cell[part])),
    ]),
  ]);
}
