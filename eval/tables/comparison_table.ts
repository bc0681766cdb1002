import { type Metric, metrics } from "../metrics/metrics.ts";
import { definitionsCaption } from "../metrics/definitions.ts";
import { defaultPolicy, type EvaluationPolicy } from "../metrics/policy.ts";
import { renderTable } from "./render_table.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { compareMethods, type Comparison } from "../statistics/compare.ts";
import { average, describe, summarise } from "../statistics/summarise.ts";
import {
  type TableCell,
  tableCell,
  type TableColumn,
  type TableFormat,
  type TableModel,
} from "./table_model.ts";

/** What a method costs. `null` where it was not measured. */
export interface RunCosts {
  /** Trainable parameters. */
  readonly parameters: number | null;
  /** Multiply-adds of one forward pass of a patch. */
  readonly multiply_adds: number | null;
  /** Peak device memory in bytes. */
  readonly peak_bytes: number | null;
  /** Wall time of the training in seconds. */
  readonly train_seconds: number | null;
  /** Wall time to segment one volume in milliseconds. */
  readonly inference_ms: number | null;
}

/** How {@link comparisonTable} lays out runs. */
export interface ComparisonTableOptions {
  /** The metrics in each class column; Dice and ASSD unless told. */
  readonly metrics?: readonly Metric[];
  /** The method that significance marks refer to; no marks without one. */
  readonly baseline?: string;
  /** Costs by method, which add cost columns. */
  readonly costs?: Readonly<Record<string, RunCosts>>;
  /** Format of the text; Markdown unless told. */
  readonly format?: TableFormat;
  /** The policy the records were made under. */
  readonly policy?: EvaluationPolicy;
}

/**
 * The table of a paper: methods within label ratios down, modality → class → metric across, the average last.
 *
 * Class columns are mean ± sd over cases, each case averaged over seeds first; the average column is mean ± sd
 * over seeds. The best of each column within a label ratio is bold. Marks are the Wilcoxon test against the
 * baseline on the same cases, Holm-corrected over the whole table.
 *
 * @throws {EvalError} `eval.records` when there are no records
 */
export function comparisonTable(records: readonly RunRecord[], options: ComparisonTableOptions = {}): string {
  return renderTable(comparisonTableModel(records, options), options.format ?? "markdown");
}

/** The same table before it is written. */
export function comparisonTableModel(
  records: readonly RunRecord[],
  options: ComparisonTableOptions = {},
): TableModel {
  const shown = options.metrics ?? ["dice", "assd_mm"];
  const scopes = scopesOf(records);
  const comparisons = options.baseline === undefined
    ? []
    : shown.flatMap((metric) => compareMethods(records, { baseline: options.baseline!, metric }));
  const ratios = [...new Set(records.map((r) => r.label_ratio))].toSorted((a, b) => a - b);
  const methods = [...new Set(records.map((r) => r.method))];
  const rows = ratios.flatMap((ratio) => {
    const block = methods.flatMap((method) => {
      const own = records.filter((r) => r.label_ratio === ratio && r.method === method);
      if (own.length === 0) return [];
      const cells = scopes.flatMap((scope) =>
        shown.map((metric) => ({
          ...(scope.modality === "all" ? overSeeds(own, metric) : overCases(own, scope, metric)),
          mark: markOf(comparisons, { method, label_ratio: ratio, ...scope, metric }),
        }))
      );
      return [{ heads: [percent(ratio), method], cells }];
    });
    const better = scopes.flatMap(() => shown.map((metric) => metrics[metric].better));
    return markBest(block, better).map((row) => ({
      heads: row.heads,
      cells: [...row.cells, ...costCells(options.costs, row.heads[1]!)],
    }));
  });
  return {
    caption: captionOf(records, shown, options, comparisons.length > 0),
    heads: ["labels", "method"],
    columns: [
      ...scopes.flatMap((scope) => shown.map((metric) => columnOf(scope, metric))),
      ...(options.costs === undefined ? [] : costColumns),
    ],
    rows,
  };
}

interface Scope {
  modality: string;
  class_name: string;
}

function scopesOf(records: readonly RunRecord[]): Scope[] {
  const named = new Map(
    records.map((
      { modality, class_name },
    ) => [JSON.stringify([modality, class_name]), { modality, class_name }]),
  );
  const modalities = [...new Set(records.map((r) => r.modality))];
  const ordered = modalities.flatMap((modality) =>
    [...named.values()].filter((s) => s.modality === modality)
  );
  return [...ordered, { modality: "all", class_name: "all" }];
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(3))} %`;
}

function columnOf({ modality, class_name }: Scope, metric: Metric): TableColumn {
  const { label, unit, digits } = metrics[metric];
  const average = modality === "all";
  return {
    key: average ? `average/${metric}` : `${modality}/${class_name}/${metric}`,
    labels: [
      average ? "average" : modality,
      average ? "over seeds" : class_name,
      unit === "" ? label : `${label} ${unit}`,
    ],
    digits,
  };
}

function overCases(own: readonly RunRecord[], scope: Scope, metric: Metric): TableCell {
  const here = own.filter((r) => r.modality === scope.modality && r.class_name === scope.class_name);
  const byCase = new Map<string, number[]>();
  for (const r of here) {
    if (r[metric] === null) continue;
    byCase.set(r.case, [...(byCase.get(r.case) ?? []), r[metric]!]);
  }
  const { mean, sd, n } = describe([...byCase.values()].map((values) => average(values)!));
  const count = (status: RunRecord["status"]): number => here.filter((r) => r.status === status).length;
  return tableCell({ mean, sd, n, missed: count("missed"), false_positive: count("false-positive") });
}

function overSeeds(own: readonly RunRecord[], metric: Metric): TableCell {
  const seeds = [...new Set(own.map((r) => r.seed))];
  const means = seeds.map((seed) => summarise(own.filter((r) => r.seed === seed)).mean[metric])
    .filter((mean) => mean !== null);
  const { mean, sd, n } = describe(means);
  return tableCell({ mean, sd, n });
}

type Row = TableModel["rows"][number];

function markBest(rows: readonly Row[], better: readonly ("higher" | "lower" | "near-zero")[]): Row[] {
  if (rows.length < 2) return [...rows];
  const merit = (cell: TableCell, i: number): number => {
    if (cell.mean === null) return -Infinity;
    return better[i] === "higher" ? cell.mean : better[i] === "lower" ? -cell.mean : -Math.abs(cell.mean);
  };
  return rows.map(({ heads, cells }) => ({
    heads,
    cells: cells.map((cell, i) => ({
      ...cell,
      best: cell.mean !== null && rows.every((row) => merit(row.cells[i]!, i) <= merit(cell, i)),
    })),
  }));
}

function markOf(
  comparisons: readonly Comparison[],
  want: Pick<Comparison, "method" | "label_ratio" | "modality" | "class_name" | "metric">,
): string {
  const found = comparisons.find((c) =>
    (Object.keys(want) as (keyof typeof want)[]).every((k) => c[k] === want[k])
  );
  const p = found?.p_holm ?? 1;
  return p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "";
}

const costParts: readonly { key: keyof RunCosts; label: string; scale: number; digits: number }[] = [
  { key: "parameters", label: "parameters M", scale: 1e-6, digits: 2 },
  { key: "multiply_adds", label: "multiply-adds G", scale: 1e-9, digits: 2 },
  { key: "peak_bytes", label: "peak memory MiB", scale: 2 ** -20, digits: 0 },
  { key: "train_seconds", label: "training min", scale: 1 / 60, digits: 1 },
  { key: "inference_ms", label: "inference ms a volume", scale: 1, digits: 0 },
];

const costColumns: readonly TableColumn[] = costParts.map(({ key, label, digits }) => ({
  key: `cost/${key}`,
  labels: ["cost", "", label],
  digits,
}));

function costCells(costs: Readonly<Record<string, RunCosts>> | undefined, method: string): TableCell[] {
  if (costs === undefined) return [];
  return costParts.map(({ key, scale }) => {
    const value = costs[method]?.[key] ?? null;
    return tableCell({ mean: value === null ? null : value * scale });
  });
}

function captionOf(
  records: readonly RunRecord[],
  shown: readonly Metric[],
  { baseline, policy = defaultPolicy }: ComparisonTableOptions,
  marked: boolean,
): string {
  const seeds = [...new Set(records.map((r) => r.seed))].toSorted((a, b) => a - b);
  const marks = marked
    ? ` Marks: Wilcoxon signed-rank test against ${baseline} on the same cases, Pratt zeros, Holm-corrected ` +
      "over each metric; * p < 0.05, ** p < 0.01, *** p < 0.001; none below 6 cases."
    : "";
  return `Class columns: mean ± sd over n cases, each case averaged over its seeds (${
    seeds.join(", ")
  }) first; ` +
    "misses are summed over seeds. Average: mean of the class means, mean ± sd over n seeds. Bold: best of the " +
    `label ratio.${marks} ${definitionsCaption(policy, shown)}`;
}
