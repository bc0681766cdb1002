import type { CaseRecord } from "../metrics/case_record.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { definitionsCaption } from "../metrics/definitions.ts";
import { defaultPolicy, type EvaluationPolicy } from "../metrics/policy.ts";
import { renderTable } from "./render_table.ts";
import { classLabels } from "../statistics/class_labels.ts";
import { average, type GroupKey, type GroupSummary, summarise } from "../statistics/summarise.ts";
import {
  type TableCell,
  tableCell,
  type TableColumn,
  type TableFormat,
  type TableModel,
} from "./table_model.ts";

/** How {@link table} lays out records. */
export interface TableOptions<R extends CaseRecord> {
  /** The record column, or columns, whose values name the rows. `"class"` shows the class names. */
  readonly rows: GroupKey<R> | readonly GroupKey<R>[];
  /** The metrics to show. */
  readonly columns: readonly Metric[];
  /** Record columns whose values repeat the metrics side by side, outermost first. */
  readonly across?: readonly GroupKey<R>[];
  /** Format of the text; Markdown unless told. */
  readonly format?: TableFormat;
  /** Whether rows by class end in the mean of them all, as they do unless told. */
  readonly meanRow?: boolean;
  /** The policy the records were made under; its definitions become the caption. */
  readonly policy?: EvaluationPolicy;
}

/**
 * A table of means over cases, with standard deviation, n and misses beside every number.
 *
 * Where a class was missed or invented somewhere, each surface distance gets a second column over the found
 * cases alone, so that neither number hides the other. Rows by class end in the mean of the classes.
 *
 * @throws {EvalError} `eval.records` when there are no records
 *
 * @example
 * ```ts
 * import { evaluateCase, table } from "../mod.ts";
 * import { ndarray } from "../deps.ts";
 *
 * const grid = (voxels: number[]) => ({
 *   array: ndarray(Uint8Array.from(voxels), [1, 1, 3]),
 *   spacing: [1, 1, 1] as const,
 * });
 * const records = evaluateCase({
 *   case: "a",
 *   modality: "ct",
 *   prediction: grid([0, 1, 2]),
 *   reference: grid([1, 1, 2]),
 *   classes: [{ id: 1, name: "liver" }, { id: 2, name: "spleen" }],
 * });
 * console.log(table(records, { rows: "class", columns: ["dice", "assd_mm"] }));
 * ```
 */
export function table<R extends CaseRecord>(records: readonly R[], options: TableOptions<R>): string {
  return renderTable(tableModel(records, options), options.format ?? "markdown");
}

/** The same table before it is written, for a format of one's own. */
export function tableModel<R extends CaseRecord>(
  records: readonly R[],
  options: TableOptions<R>,
): TableModel {
  const rowKeys = [options.rows].flat().map(displayed) as GroupKey<R>[];
  const acrossKeys = (options.across ?? []).map(displayed) as GroupKey<R>[];
  const nameOf = classLabels(records);
  const keys = [...rowKeys, ...acrossKeys];
  const groups = summarise(records, {
    by: (keys as string[]).includes("class_name") ? [...keys, "class"] : keys,
  }).groups;
  const value = ({ group }: GroupSummary, key: string): string =>
    key === "class_name"
      ? nameOf({ class: group.class as number, class_name: group.class_name as string })
      : String(group[key]);
  const rowNames = distinct(groups.map((g) => rowKeys.map((key) => value(g, key))));
  const acrossNames = distinct(groups.map((g) => acrossKeys.map((key) => value(g, key))));
  const anyMiss = groups.some((g) => g.missed + g.false_positive > 0);
  const parts = options.columns.flatMap((metric): Part[] =>
    anyMiss && metrics[metric].unit === "mm"
      ? [{ metric, foundOnly: false }, { metric, foundOnly: true }]
      : [{ metric, foundOnly: false }]
  );
  const lookup = new Map(
    groups.map((g) => [JSON.stringify([...rowKeys, ...acrossKeys].map((k) => value(g, k))), g]),
  );
  const rows = rowNames.map((heads) => ({
    heads,
    cells: acrossNames.flatMap((across) => {
      const group = lookup.get(JSON.stringify([...heads, ...across]));
      return parts.map((part) => cellOf(group, part));
    }),
  }));
  const hasMean = (rowKeys as string[]).includes("class_name") && options.meanRow !== false;
  if (hasMean) {
    rows.push({
      heads: rowKeys.map((_, i) => i === 0 ? "mean" : ""),
      cells: rows[0]!.cells.map((_, i) => meanCell(rows.map((r) => r.cells[i]!))),
    });
  }
  const heads = rowKeys.map((key) => key === "class_name" ? "class" : key.replaceAll("_", " "));
  const classMean = hasMean ? " mean: mean of the rows above it that have a valid case, n rows." : "";
  return {
    title: `${options.columns.map((metric) => metrics[metric].label).join(", ")} by ${heads.join(" and ")}`,
    label: `by-${heads.join("-").replaceAll(/[^a-z]+/g, "-")}`,
    caption: `Mean ± sd over n cases. ${
      definitionsCaption(options.policy ?? defaultPolicy, options.columns)
    }${classMean}`,
    heads,
    columns: acrossNames.flatMap((across) => parts.map((part) => columnOf(across, part))),
    rows,
  };
}

interface Part {
  metric: Metric;
  foundOnly: boolean;
}

function displayed(key: string): string {
  return key === "class" ? "class_name" : key;
}

function distinct(names: string[][]): string[][] {
  return [...new Set(names.map((name) => JSON.stringify(name)))].map((text) => JSON.parse(text) as string[]);
}

function columnOf(across: readonly string[], { metric, foundOnly }: Part): TableColumn {
  const { label, unit, digits } = metrics[metric];
  return {
    key: [...across, foundOnly ? `${metric}_found` : metric].join("/"),
    labels: [...across, `${label}${unit === "" ? "" : ` ${unit}`}${foundOnly ? ", without misses" : ""}`],
    digits,
  };
}

function cellOf(group: GroupSummary | undefined, { metric, foundOnly }: Part): TableCell {
  if (group === undefined) return tableCell({ n: 0 });
  const { mean, sd, n, mean_found, n_found } = group.metrics[metric];
  if (foundOnly) return tableCell({ mean: mean_found, n: n_found });
  return tableCell({ mean, sd, n, missed: group.missed, false_positive: group.false_positive });
}

function meanCell(cells: readonly TableCell[]): TableCell {
  const valid = cells.filter((cell) => cell.mean !== null);
  const total = (key: "missed" | "false_positive"): number => cells.reduce((sum, cell) => sum + cell[key], 0);
  return tableCell({
    mean: average(valid.map((cell) => cell.mean!)),
    n: valid.length,
    missed: total("missed"),
    false_positive: total("false_positive"),
  });
}
