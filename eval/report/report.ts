import { EvalError } from "../errors.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { isBaseline } from "../statistics/baseline.ts";
import { page, type Section } from "./page.ts";
import {
  calibrationHtml,
  missingModalitiesHtml,
  overlaysHtml,
  plotsHtml,
  robustnessHtml,
} from "./plot_sections.ts";
import { missesHtml, resultsHtml, significanceHtml } from "./result_sections.ts";
import { groupRuns } from "./run_groups.ts";
import { recordsOf, type RunResults } from "./run_results.ts";
import { runsHtml } from "./run_section.ts";
import { type TestSet, testSets } from "./test_sets.ts";
import { type ReportCase, viewerHtml } from "./viewer.ts";

/** What {@link reportHtml} can be told. */
export interface ReportOptions {
  /** Title of the page; with the name of the data set unless told. */
  readonly title?: string;
  /** Day the page is made on, to be shown; a page without is the same whenever it is made. */
  readonly date?: string;
  /** What a reader must know first, such as what is missing. */
  readonly note?: string;
  /** The method the others are compared with, where it was run; otherwise the first. */
  readonly baseline?: string;
  /** Volumes of test cases, for overlays and the slice viewer. */
  readonly cases?: readonly ReportCase[];
  /** The classes of those volumes. */
  readonly classes?: readonly LabelClass[];
}

/**
 * One self-contained HTML page about finished runs: what was run, tables, tests with what was not significant,
 * plots, overlays of the best, median and worst case, a slice viewer, costs.
 *
 * Runs that share method and label ratio are taken as seeds of one another. Runs that were not tested on the same
 * cases of the same data set never share a table or a plot: each test set has sections of its own.
 *
 * @throws {EvalError} `report.runs` without runs, or for two runs of one method, label ratio, seed and test set
 */
export function reportHtml(runs: readonly RunResults[], options: ReportOptions = {}): string {
  if (runs.length === 0) {
    throw new EvalError("report.runs", "there are no runs to report", {
      fix: "Name at least one run folder.",
    });
  }
  const { cases = [], classes = [], date } = options;
  const sets = testSets(runs), [first] = sets;
  const title = options.title ?? `Segmentation report${sets.length === 1 ? `: ${first!.name}` : ""}`;
  const sections = [
    { id: "runs", title: "What was run", html: runsHtml(sets) },
    ...sets.flatMap((set, i) => {
      const own = setSections(set, i, options);
      return sets.length === 1 ? own : own.map((section) => ({
        ...section,
        id: `${section.id}-${i + 1}`,
        title: `${section.title}: ${set.name}`,
      }));
    }),
    { id: "slices", title: "Slices", html: cases.length > 0 ? viewerHtml(cases, classes, runs) : "" },
  ];
  const methods = [...new Set(runs.map((run) => run.method))];
  const lead = `${runs.length} ${runs.length === 1 ? "run" : "runs"}, ${methods.join(", ")}; ${
    sets.map((set) => set.name).join("; ")
  }.${date === undefined ? "" : ` Made on ${date}.`}`;
  return page(
    title,
    options.note === undefined ? lead : `${lead} ${options.note}`,
    sections.filter((section) => section.html !== ""),
  );
}

function setSections(
  { runs }: TestSet,
  set: number,
  { baseline, cases = [], classes = [] }: ReportOptions,
): Section[] {
  const records = recordsOf(runs);
  const groups = groupRuns(runs);
  const methods = [...new Set(runs.map((run) => run.method))];
  const against = baseline !== undefined && isBaseline(baseline, methods) ? baseline : methods[0]!;
  const tested = records.length > 0, several = tested && methods.length > 1;
  return [
    {
      id: "results",
      title: "Results",
      html: tested
        ? resultsHtml(runs, records, several ? against : undefined)
        : "<p>The split has no test case, so there is no table.</p>",
    },
    { id: "tests", title: "Significance", html: several ? significanceHtml(records, against) : "" },
    { id: "plots", title: "Plots", html: plotsHtml(groups, records, against, cases, classes) },
    { id: "robustness", title: "Misalignment", html: robustnessHtml(runs) },
    { id: "missing", title: "Missing modalities", html: missingModalitiesHtml(groups) },
    { id: "calibration", title: "Calibration", html: calibrationHtml(groups) },
    {
      id: "overlays",
      title: "Best, median and worst case",
      html: cases.length > 0 ? overlaysHtml(groups, cases, classes, set) : "",
    },
    { id: "misses", title: "Misses", html: tested ? missesHtml(records) : "" },
  ];
}
