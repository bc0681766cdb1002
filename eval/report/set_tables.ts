import { isBaseline } from "../statistics/baseline.ts";
import { compareMethods } from "../statistics/compare.ts";
import { comparisonListModel } from "../tables/comparison_list.ts";
import { comparisonTableModel, type ComparisonTableOptions } from "../tables/comparison_table.ts";
import { renderTable } from "../tables/render_table.ts";
import type { TableFormat, TableModel } from "../tables/table_model.ts";
import { reportMetrics } from "./result_sections.ts";
import { costsByMethod } from "./run_groups.ts";
import { recordsOf, type RunResults } from "./run_results.ts";
import type { TestSet } from "./test_sets.ts";

/** The ending of a file in each format. */
export const tableEndings: Readonly<Record<TableFormat, string>> = {
  markdown: "md",
  csv: "csv",
  latex: "tex",
  json: "json",
  html: "html",
};

/** A table in every format, by the ending of its file. */
export function everyFormat(model: TableModel): Map<string, string> {
  return new Map(
    (Object.entries(tableEndings) as [TableFormat, string][])
      .map(([format, ending]) => [ending, renderTable(model, format)]),
  );
}

/** The tables of runs with one test set. */
export interface SetTables {
  /** Methods within label ratios, classes within modalities. */
  readonly results: TableModel;
  /** The same of the parameters after the last step, where all runs have that beside the best. */
  readonly last: TableModel | undefined;
  /** The same with what each method costs. */
  readonly costs: TableModel;
  /** All tests against the baseline; none of a single method. */
  readonly tests: TableModel | undefined;
}

function lastModel(runs: readonly RunResults[], options: ComparisonTableOptions): TableModel {
  const records = recordsOf(runs.map((run) => ({ ...run, records: run.lastRecords })));
  const model = comparisonTableModel(records, options);
  const caption = `Parameters after the last step, not those that validated best. ${model.caption}`;
  return { ...model, caption, label: "results-last" };
}

/**
 * The tables of a test set; none when its runs have no test case.
 *
 * @param baseline the method that the others are compared with, where it was run; otherwise the first
 */
export function setTables({ runs }: TestSet, baseline: string): SetTables | undefined {
  const records = recordsOf(runs);
  if (records.length === 0) return undefined;
  const methods = [...new Set(runs.map((run) => run.method))];
  const against = isBaseline(baseline, methods) ? baseline : methods[0]!, several = methods.length > 1;
  const options = { metrics: reportMetrics, ...(several && { baseline: against }) };
  const costs = comparisonTableModel(records, { ...options, costs: costsByMethod(runs) });
  const hasLast = runs.every(({ lastRecords }) => lastRecords.length > 0);
  return {
    results: comparisonTableModel(records, options),
    last: hasLast ? lastModel(runs, options) : undefined,
    costs: { ...costs, label: "results-and-costs" },
    tests: several
      ? comparisonListModel(compareMethods(records, { baseline: against, metrics: reportMetrics }))
      : undefined,
  };
}
