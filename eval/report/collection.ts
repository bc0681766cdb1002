import { rankPlot } from "../plots/rank_plot.ts";
import { rankWithinRatios } from "../statistics/ranks.ts";
import { reportMetrics } from "./result_sections.ts";
import { reportHtml } from "./report.ts";
import { recordsOf, type RunResults } from "./run_results.ts";
import { plotsOverNumbers } from "./plots_over_numbers.ts";
import { everyFormat, setTables } from "./set_tables.ts";
import { type TestSet, testSets } from "./test_sets.ts";

/** What {@link collectionFiles} can be told. */
export interface CollectionOptions {
  /** The method that the others are compared with, where it was run. */
  readonly baseline: string;
  /** Title of the report. */
  readonly title: string;
  /** Day the report is made on, to be shown. */
  readonly date?: string;
  /** What a reader must know first, such as what is missing. */
  readonly note?: string;
}

/**
 * Everything that is said about many runs together, by the name of its file: `results.*`, `last.*` (after the last
 * step) and `tests.*` (the same to the last byte whenever the same seeds were trained), `costs.*` (with times, which
 * are not), `plots/*.svg`, `report.html`.
 * With several test sets each has files of its own, numbered.
 *
 * @throws {EvalError} as {@link reportHtml}
 */
export function collectionFiles(
  runs: readonly RunResults[],
  options: CollectionOptions,
): Map<string, string> {
  const sets = testSets(runs);
  const files = new Map<string, string>([["report.html", reportHtml(runs, options)]]);
  for (const [i, set] of sets.entries()) {
    const place = sets.length === 1 ? "" : `.${i + 1}`;
    for (const [name, model] of Object.entries(setTables(set, options.baseline) ?? {})) {
      if (model === undefined) continue;
      for (const [ending, text] of everyFormat(model)) files.set(`${name}${place}.${ending}`, text);
    }
    for (const [name, svg] of setPlots(set)) files.set(`plots/${name}${place}.svg`, svg);
  }
  return files;
}

function setPlots({ runs }: TestSet): Map<string, string> {
  const records = recordsOf(runs);
  const plots = new Map<string, string>();
  for (const metric of reportMetrics) {
    for (const [name, svg] of plotsOverNumbers(runs, metric)) plots.set(`${metric}_by_${name}`, svg);
    if (rankWithinRatios(records, metric).length > 0) {
      plots.set(`${metric}_ranks`, rankPlot(records, { metric }));
    }
  }
  return plots;
}
