import { definitionsCaption } from "../metrics/definitions.ts";
import type { MetricRow } from "../metrics/metric_row.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { defaultPolicy, type EvaluationPolicy } from "../metrics/policy.ts";
import type { InputRecord } from "../plots/modality_bars.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { meritOf, overSeeds } from "./comparison_table.ts";
import { percent } from "./percent.ts";
import { renderTable } from "./render_table.ts";
import { type TableCell, tableCell, type TableFormat, type TableModel } from "./table_model.ts";

/** A record of a run on some of the modalities. */
export type MissingRecord = RunRecord & InputRecord;

/** How {@link missingModalitiesTable} is written. */
export interface MissingTableOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
  /** Format of the text; Markdown unless told. */
  readonly format?: TableFormat;
  /** The policy the records were made under. */
  readonly policy?: EvaluationPolicy;
}

/** Marks the best strategy of a row in which there is a choice. */
function withBest(cells: readonly TableCell[], { better }: MetricRow): TableCell[] {
  const merits = cells.flatMap(({ mean }) => mean === null ? [] : [meritOf(mean, better)]);
  const best = Math.max(...merits);
  return cells.map((cell) => ({
    ...cell,
    best: merits.length > 1 && cell.mean !== null && meritOf(cell.mean, better) === best,
  }));
}

/** The table before it is written: what was given and what was judged down, strategies across. */
export function missingModalitiesTableModel(
  records: readonly MissingRecord[],
  { metric = "dice", policy = defaultPolicy }: MissingTableOptions = {},
): TableModel {
  const strategies = [...new Set(records.map((r) => r.strategy))];
  const { label, unit, digits } = metrics[metric];
  const rows = Map.groupBy(records, (r) => JSON.stringify([r.label_ratio, r.method, r.inputs, r.modality]));
  return {
    title: `${label} with missing modalities`,
    label: "missing-modalities",
    caption:
      "Columns: what stood for the missing modalities in the fusion, first as the network was trained. Mean ± sd over n seeds " +
      `of the mean over classes; bold: best of its row. ${definitionsCaption(policy, [metric])}`,
    heads: ["method", "labels", "given", "judged"],
    columns: strategies.map((strategy) => ({
      key: strategy === "" ? metric : `${metric}_${strategy}`,
      labels: [`${strategy === "" ? "nothing to fill" : strategy}${unit === "" ? "" : `, ${unit}`}`],
      digits,
    })),
    rows: [...rows.values()].map((own) => {
      const { method, label_ratio, inputs, modality } = own[0]!;
      const cells = strategies.map((strategy) => {
        const records = own.filter((r) => r.strategy === strategy);
        return records.length === 0 ? tableCell() : overSeeds(records, metric);
      });
      return {
        heads: [method, percent(label_ratio), inputs, modality],
        cells: withBest(cells, metrics[metric]),
      };
    }),
  };
}

/** What remains without some modalities, for every subset of them and every way to stand in for the others. */
export function missingModalitiesTable(
  records: readonly MissingRecord[],
  options: MissingTableOptions = {},
): string {
  return renderTable(missingModalitiesTableModel(records, options), options.format ?? "markdown");
}
