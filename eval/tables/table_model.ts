/** One number of a table with what belongs beside it. */
export interface TableCell {
  /** The mean; `null` when nothing defines it. */
  readonly mean: number | null;
  /** Standard deviation over what the mean is over, where there is one. */
  readonly sd: number | null;
  /** How many values the mean is over; `null` for a number that is no mean. */
  readonly n: number | null;
  /** Cases where the class was missed. */
  readonly missed: number;
  /** Cases where the class was predicted and is not there. */
  readonly false_positive: number;
  /** The best of its column. */
  readonly best: boolean;
  /** The second best of its column. */
  readonly second: boolean;
  /** Mark of a statistical test, such as `*`; empty for none. */
  readonly mark: string;
}

/** A cell with nothing beside its number but what is given. */
export function tableCell(cell: Partial<TableCell> = {}): TableCell {
  return {
    mean: null,
    sd: null,
    n: null,
    missed: 0,
    false_positive: 0,
    best: false,
    second: false,
    mark: "",
    ...cell,
  };
}

/** A column of numbers. */
export interface TableColumn {
  /** Machine-readable name, unique in the table. */
  readonly key: string;
  /** Heading, one string a level, outermost first; all columns have as many. */
  readonly labels: readonly string[];
  /** Digits after the dot. */
  readonly digits: number;
}

/** A table of numbers before it is written in some format. */
export interface TableModel {
  /** What is shown, in a few words without a full stop. */
  readonly title: string;
  /** Name of the table for references in LaTeX, letters and hyphens. */
  readonly label: string;
  /** What the numbers are and how they were obtained. */
  readonly caption: string;
  /** Headings of the columns that name a row. */
  readonly heads: readonly string[];
  /** The columns of numbers. */
  readonly columns: readonly TableColumn[];
  /** The rows: their names, one a head, and their cells, one a column. */
  readonly rows: readonly { readonly heads: readonly string[]; readonly cells: readonly TableCell[] }[];
}

/** The formats a table can be written in. */
export type TableFormat = "markdown" | "csv" | "json" | "latex" | "html";
