import type { MetricRow } from "../metrics/metric_row.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { definitionsCaption } from "../metrics/definitions.ts";
import { defaultPolicy, type EvaluationPolicy } from "../metrics/policy.ts";
import { renderTable } from "./render_table.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { classKey, classLabels, distinctClasses, type NamedClass } from "../statistics/class_labels.ts";
import { compareMethods, type Comparison, isIn } from "../statistics/compare.ts";
import { percent } from "./percent.ts";
import { costCells, costColumns, type RunCosts } from "./costs.ts";
import { average, describe, summarise } from "../statistics/summarise.ts";
import {
  type TableCell,
  tableCell,
  type TableColumn,
  type TableFormat,
  type TableModel,
} from "./table_model.ts";

/** How {@link comparisonTable} lays out runs. */
export interface ComparisonTableOptions {
  /** The metrics in each class column; Dice and ASSD unless told. */
  readonly metrics?: readonly Metric[];
  /** The method that significance marks refer to; no marks without one. */
  readonly baseline?: string;
  /** Costs by method, which add cost columns. */
  readonly costs?: ReadonlyMap<string, RunCosts>;
  /** Format of the text; Markdown unless told. */
  readonly format?: TableFormat;
  /** The policy the records were made under. */
  readonly policy?: EvaluationPolicy;
}

/**
 * The table of a paper: methods within label ratios down, modality → class → metric across, the average last.
 *
 * Class columns are mean ± sd over cases, each case averaged over seeds first; the average column is mean ± sd
 * over seeds. The best of each column within a label ratio is bold, of three or more the second best underlined. A row
 * without some of the class columns has an average over fewer of them: it is neither ranked nor marked.
 * Marks are the Wilcoxon test against the baseline on the same cases, Holm-corrected over the whole table.
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
  const { baseline, costs, metrics: shown = ["dice", "assd_mm"] } = options;
  const scopes = scopesOf(records), nameOf = classLabels(records);
  const comparisons = baseline === undefined ? [] : compareMethods(records, { baseline, metrics: shown });
  const ratios = [...new Set(records.map((r) => r.label_ratio))].toSorted((a, b) => a - b);
  const methods = [...new Set(records.map((r) => r.method))];
  const better = scopes.flatMap(() => shown.map((metric) => metrics[metric].better));
  const rows = ratios.flatMap((ratio) => {
    const block = methods.flatMap((method) => {
      const own = records.filter((r) => r.label_ratio === ratio && r.method === method);
      if (own.length === 0) return [];
      const isPart = lacksSome(own, scopes);
      const cells = scopes.flatMap((scope) =>
        shown.map((metric) => ({
          ...(scope.structure === null ? overSeeds(own, metric) : overCases(own, scope, metric)),
          mark: scope.structure === null && isPart
            ? ""
            : markOf(comparisons, { method, label_ratio: ratio, metric }, scope),
        }))
      );
      return [{
        method,
        cells,
        ranked: scopes.flatMap(({ structure }) => shown.map(() => structure !== null || !isPart)),
      }];
    });
    return rankColumns(block, better).map((cells, i) => ({
      heads: [percent(ratio), block[i]!.method],
      cells: costs === undefined ? cells : [...cells, ...costCells(costs.get(block[i]!.method))],
    }));
  });
  return {
    title: `${shown.map((metric) => metrics[metric].label).join(", ")} by method and label ratio`,
    label: "results",
    caption: captionOf(records, shown, options, { scopes, tests: comparisons[0]?.tests ?? 0 }),
    heads: ["labels", "method"],
    columns: [
      ...scopes.flatMap((scope) => shown.map((metric) => columnOf(scope, metric, nameOf))),
      ...(costs === undefined ? [] : costColumns),
    ],
    rows,
  };
}

type Scope = Pick<Comparison, "modality" | "structure">;

/** Every class of every modality that there is, then all of them together. */
function scopesOf(records: readonly RunRecord[]): Scope[] {
  const modalities = [...new Set(records.map((r) => r.modality))];
  return [
    ...modalities.flatMap((modality) =>
      distinctClasses(records.filter((r) => r.modality === modality)).map((structure) => ({
        modality,
        structure,
      }))
    ),
    { modality: null, structure: null },
  ];
}

function columnOf(
  { modality, structure }: Scope,
  metric: Metric,
  nameOf: (of: NamedClass) => string,
): TableColumn {
  const { label, unit, digits } = metrics[metric];
  const heading = unit === "" ? label : `${label} ${unit}`;
  if (modality === null || structure === null) {
    return { key: `average/${metric}`, labels: ["average", "over seeds", heading], digits };
  }
  return {
    key: `${modality}/${nameOf(structure)}/${metric}`,
    labels: [modality, nameOf(structure), heading],
    digits,
  };
}

function overCases(own: readonly RunRecord[], scope: Scope, metric: Metric): TableCell {
  const here = own.filter((r) => isIn(scope, r));
  const byCase = new Map<string, number[]>();
  for (const r of here) {
    if (r[metric] === null) continue;
    byCase.set(r.case, [...(byCase.get(r.case) ?? []), r[metric]!]);
  }
  const { mean, sd, n } = describe([...byCase.values()].map((values) => average(values)!));
  const count = (status: RunRecord["status"]): number => here.filter((r) => r.status === status).length;
  return tableCell({ mean, sd, n, missed: count("missed"), false_positive: count("false-positive") });
}

/** Mean over seeds of the mean over classes of the mean over cases. */
export function overSeeds(own: readonly RunRecord[], metric: Metric): TableCell {
  const seeds = [...new Set(own.map((r) => r.seed))];
  const means = seeds.map((seed) => summarise(own.filter((r) => r.seed === seed)).mean[metric])
    .filter((mean) => mean !== null);
  const { mean, sd, n } = describe(means);
  return tableCell({ mean, sd, n });
}

/** A number that is larger the better a mean is. */
export function meritOf(mean: number, better: MetricRow["better"]): number {
  return better === "higher" ? mean : better === "lower" ? -mean : -Math.abs(mean);
}

/** Whether a row has no record of some class column, so that its average is over other columns than those of the rest. */
function lacksSome(own: readonly RunRecord[], scopes: readonly Scope[]): boolean {
  return scopes.some((scope) => scope.structure !== null && !own.some((r) => isIn(scope, r)));
}

/** The cells of a row, and which of them take part in the ranks of their columns. */
interface RankedRow {
  readonly cells: readonly TableCell[];
  readonly ranked: readonly boolean[];
}

/** Marks the best and the second best cell of each column; equal means share a rank. */
function rankColumns(rows: readonly RankedRow[], better: readonly MetricRow["better"][]): TableCell[][] {
  const columns = better.map((direction, i) => {
    const means = rows.flatMap(({ cells, ranked }) => ranked[i] ? [cells[i]!.mean] : []);
    const merits = means.filter((mean) => mean !== null).map((mean) => meritOf(mean, direction));
    return { rows: means.length, order: [...new Set(merits)].sort((a, b) => b - a) };
  });
  return rows.map(({ cells, ranked }) =>
    cells.map((cell, i) => {
      if (cell.mean === null || !ranked[i] || columns[i]!.rows < 2) return cell;
      const [best, second] = columns[i]!.order, own = meritOf(cell.mean, better[i]!);
      return { ...cell, best: own === best, second: own === second && columns[i]!.rows > 2 };
    })
  );
}

function markOf(
  comparisons: readonly Comparison[],
  want: Pick<Comparison, "method" | "label_ratio" | "metric">,
  { modality, structure }: Scope,
): string {
  const found = comparisons.find((c) =>
    c.method === want.method && c.label_ratio === want.label_ratio && c.metric === want.metric &&
    c.modality === modality &&
    (structure === null
      ? c.structure === null
      : c.structure !== null && classKey(c.structure) === classKey(structure))
  );
  const p = found?.p_holm ?? 1;
  return p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "";
}

/** How many cases have labels at each ratio, where all runs of it agree. */
function labelCounts(records: readonly RunRecord[]): string {
  const byRatio = Map.groupBy(records, (r) => r.label_ratio);
  const known = [...byRatio].sort(([a], [b]) => a - b).flatMap(([ratio, own]) => {
    const counts = [...new Set(own.map((r) => r.labelled))];
    return counts.length === 1 && counts[0] !== undefined
      ? [`${percent(ratio)}: ${counts[0]} ${counts[0] === 1 ? "case" : "cases"}`]
      : [];
  });
  return known.length === 0 ? "" : `Labels: ${known.join(", ")}. `;
}

function captionOf(
  records: readonly RunRecord[],
  shown: readonly Metric[],
  { baseline, policy = defaultPolicy }: ComparisonTableOptions,
  { scopes, tests }: { readonly scopes: readonly Scope[]; readonly tests: number },
): string {
  const rows = Map.groupBy(records, (r) => JSON.stringify([r.label_ratio, r.method]));
  const partial = [...rows.values()].some((own) => lacksSome(own, scopes))
    ? ", over the classes that the row has: not ranked or marked where it lacks some"
    : "";
  const seeds = [...new Set(records.map((r) => r.seed))].toSorted((a, b) => a - b);
  const marks = tests === 0
    ? ""
    : ` Marks: Wilcoxon signed-rank test against ${baseline}${
      records.some((r) => r.method === baseline) ? "" : " at the same settings"
    } on the same cases, Pratt zeros, Holm-corrected ` +
      `over all ${tests} comparisons of this table that have a p; * p < 0.05, ** p < 0.01, *** p < 0.001; none below ` +
      "6 cases.";
  return `${labelCounts(records)}Class columns: mean ± sd over n cases, each case averaged over its seeds (${
    seeds.join(", ")
  }) first; ` +
    "misses are summed over seeds. Average: mean of the class means" +
    `${partial}, mean ± sd over n seeds. Bold: best of the label ratio; underlined: second of three or more.${marks} ${
      definitionsCaption(policy, shown)
    }`;
}
