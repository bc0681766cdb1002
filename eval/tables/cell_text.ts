import type { TableCell } from "./table_model.ts";

/** A number with fixed digits and a real minus sign, or a dash. */
export function fixed(value: number | null, digits: number): string {
  if (value === null) return "–";
  // Four digits are for p values and differences; one that is not 0 must not read 0.0000.
  const vanishes = digits >= 4 && value !== 0 && Number(value.toFixed(digits)) === 0;
  return (vanishes ? value.toExponential(1) : value.toFixed(digits)).replaceAll("-", "−");
}

/** How many values a cell is over, and misses, in brackets. */
export function countText(cell: TableCell): string {
  if (cell.n === null) return "";
  const notes = [`n=${cell.n}`];
  if (cell.missed > 0) notes.push(`${cell.missed} missed`);
  if (cell.false_positive > 0) notes.push(`${cell.false_positive} false pos.`);
  return ` (${notes.join(", ")})`;
}

/** The spread beside a mean, if there is one. */
export function spreadText(cell: TableCell, digits: number): string {
  return cell.sd === null || cell.mean === null ? "" : ` ± ${fixed(cell.sd, digits)}`;
}
