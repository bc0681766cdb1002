import type { TableColumn } from "./table_model.ts";

/** A heading over neighbouring columns. */
export interface HeadingSpan {
  /** Text. */
  readonly text: string;
  /** First column. */
  readonly from: number;
  /** How many columns. */
  width: number;
}

/** Runs of equal neighbouring headings at a level, for headings that span columns. */
export function headingSpans(columns: readonly TableColumn[], level: number): HeadingSpan[] {
  const found: HeadingSpan[] = [];
  const path = (c: TableColumn): string => JSON.stringify(c.labels.slice(0, level + 1));
  columns.forEach((column, i) => {
    if (i > 0 && path(columns[i - 1]!) === path(column)) found.at(-1)!.width++;
    else found.push({ text: column.labels[level]!, from: i, width: 1 });
  });
  return found;
}
