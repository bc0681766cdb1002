import { headingSpans } from "./heading_spans.ts";
import type { TableModel } from "./table_model.ts";

/** Neighbouring columns, from the first to before the last. */
type Block = readonly [from: number, to: number];

/** Columns below one heading; those of a heading wider than `most` below the headings of the next level. */
function blocks(columns: TableModel["columns"], most: number, level = 0): Block[] {
  return headingSpans(columns, level).flatMap(({ from, width }): Block[] => {
    if (width <= most || level + 1 === columns[0]!.labels.length) return [[from, from + width]];
    return blocks(columns.slice(from, from + width), most, level + 1)
      .map(([a, b]) => [from + a, from + b]);
  });
}

/**
 * A wide table as several with the same rows, one to be set below the other: each has at most so many columns of numbers,
 * and what stands below one heading stays together where it fits.
 */
export function tableParts(model: TableModel, most: number): TableModel[] {
  const parts: [number, number][] = [];
  for (const [from, to] of blocks(model.columns, most)) {
    const last = parts.at(-1);
    if (last !== undefined && to - last[0] <= most) last[1] = to;
    else parts.push([from, to]);
  }
  return parts.map((part) => ({
    ...model,
    columns: model.columns.slice(...part),
    rows: model.rows.map(({ heads, cells }) => ({ heads, cells: cells.slice(...part) })),
  }));
}
