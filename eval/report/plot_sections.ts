import type { LabelClass } from "../metrics/label_grid.ts";
import { poolCalibrations } from "../metrics/calibration.ts";
import { addConfusions, confusion } from "../metrics/confusion.ts";
import { blandAltman } from "../plots/bland_altman.ts";
import { classBoxPlot } from "../plots/class_box_plot.ts";
import { confusionPlot } from "../plots/heat_map.ts";
import { learningCurves } from "../plots/learning_curves.ts";
import { asTrained, modalityBars } from "../plots/modality_bars.ts";
import { chooseCases, overlayPlot } from "../plots/overlay.ts";
import { overlayHtml } from "../plots/overlay_html.ts";
import { pairedDifference } from "../plots/paired_difference.ts";
import { rankPlot } from "../plots/rank_plot.ts";
import { reliabilityDiagram } from "../plots/reliability_diagram.ts";
import { robustnessCurves } from "../plots/robustness_curves.ts";
import { baselineOf } from "../statistics/baseline.ts";
import { pairByCase } from "../statistics/compare.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { rankWithinRatios } from "../statistics/ranks.ts";
import { percent } from "../tables/percent.ts";
import { missingModalitiesTableModel } from "../tables/missing_modalities.ts";
import { robustnessTableModels } from "../tables/robustness.ts";
import { escapeHtml } from "../text.ts";
import { plots } from "./page.ts";
import { reportMetrics, tableHtml } from "./result_sections.ts";
import { type LogRow, lossColumns } from "./log.ts";
import { plotsOverNumbers } from "./plots_over_numbers.ts";
import type { RunGroup } from "./run_groups.ts";
import type { RunResults } from "./run_results.ts";
import { diceOf, type ReportCase } from "./viewer.ts";

/** Plots across methods, then those of each group of runs. */
export function plotsHtml(
  groups: readonly RunGroup[],
  records: readonly RunRecord[],
  baseline: string,
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
): string {
  const ratios = [...new Set(records.map((r) => r.label_ratio))].toSorted((a, b) => a - b);
  const across = [
    ...reportMetrics.flatMap((
      metric,
    ) => [...plotsOverNumbers(groups.flatMap(({ runs }) => runs), metric).values()]),
    ...rankings(records),
    ...ratios.flatMap((ratio) =>
      differences(records.filter((r) => r.label_ratio === ratio), baseline, ratio)
    ),
  ];
  const within = groups.map((group) =>
    `<h3>${escapeHtml(group.name)}</h3>\n${plots(groupPlots(group, cases, classes))}`
  );
  return `${plots(across)}\n${within.join("\n")}`;
}

/** How the methods rank in each metric that two of them have of one case. */
function rankings(records: readonly RunRecord[]): string[] {
  return reportMetrics.filter((metric) => rankWithinRatios(records, metric).length > 0)
    .map((metric) => rankPlot(records, { metric }));
}

function differences(records: readonly RunRecord[], baseline: string, ratio: number): string[] {
  const methods = [...new Set(records.map((r) => r.method))];
  return methods.flatMap((method) => {
    const against = baselineOf(method, baseline, methods);
    if (against === undefined) return [];
    // Methods of one modality each, say, have no class in common.
    const of = (name: string) => records.filter((r) => r.method === name);
    if (pairByCase(of(method), of(against), "dice").length === 0) return [];
    const plot = pairedDifference(records, { method, baseline: against });
    return [`<figure>${plot}<figcaption>${percent(ratio)} labels</figcaption></figure>`];
  });
}

function groupPlots(
  { runs }: RunGroup,
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
): string[] {
  const own = runs.flatMap((run) => run.records);
  const [first, ...more] = cases.flatMap((c) =>
    runs.flatMap((run) => {
      const prediction = c.predictions.get(run.name);
      return prediction === undefined ? [] : [confusion(prediction, c.reference, classes)];
    })
  );
  return [
    ...(runs.every((run) => run.log.length > 0) ? [curvesHtml(runs.map((run) => run.log))] : []),
    ...reportMetrics.filter((metric) => own.some((r) => r[metric] !== null))
      .map((metric) => classBoxPlot(own, { metric })),
    ...(own.filter((r) => r.status !== "absent").length > 1 ? [blandAltman(own)] : []),
    ...(first === undefined ? [] : [confusionPlot(addConfusions([first, ...more]))]),
  ];
}

/** Learning curves for a desk and for a phone. */
function curvesHtml(logs: readonly (readonly LogRow[])[]): string {
  const columns = lossColumns(logs);
  return `<div class="broad">${learningCurves(logs, { columns })}</div><div class="narrow">${
    learningCurves(logs, { columns, compact: true })
  }</div>`;
}

/** Curves and tables of misaligned input; empty when none was tested. */
export function robustnessHtml(runs: readonly RunResults[]): string {
  const records = runs.flatMap((run) => run.robustness);
  if (records.length === 0) return "";
  return reportMetrics.map((metric) =>
    `${plots([robustnessCurves(records, { metric })])}${
      robustnessTableModels(records, { metric }).map(tableHtml).join("\n")
    }`
  ).join("\n");
}

/** Reliability diagrams, the voxels of all seeds together; empty when calibration was not measured. */
export function calibrationHtml(groups: readonly RunGroup[]): string {
  const parts = groups.flatMap(({ name, runs }) => {
    const pooled = poolCalibrations(runs.map((run) => run.calibration));
    return pooled.size === 0 ? [] : [`<h3>${escapeHtml(name)}</h3>\n${plots([reliabilityDiagram(pooled)])}`];
  });
  if (parts.length === 0) return "";
  return `${
    parts.join("\n")
  }<p class="note">Voxels whose predicted or reference class is not background, in 15 bins of the ` +
    "probability of the predicted class, all test cases and seeds together. ECE: mean of |accuracy − confidence| over the " +
    "bins, weighted by voxels (Guo et al., ICML 2017).</p>";
}

/**
 * What remains without some modalities: bars as the networks were trained, and tables with every way to stand in for
 * what is missing; empty when that was not tested.
 */
export function missingModalitiesHtml(groups: readonly RunGroup[]): string {
  const all = groups.flatMap(({ runs }) => runs.flatMap((run) => run.missingModalities));
  if (all.length === 0) return "";
  const bars = groups.flatMap(({ name, runs }) => {
    const records = asTrained(runs.flatMap((run) => run.missingModalities));
    const drawn = reportMetrics.filter((metric) => records.some((r) => r[metric] !== null))
      .map((metric) => modalityBars(records, { metric }));
    return drawn.length === 0 ? [] : [`<h3>${escapeHtml(name)}</h3>\n${plots(drawn)}`];
  });
  const tables = reportMetrics.map((metric) => tableHtml(missingModalitiesTableModel(all, { metric })));
  return [...bars, ...tables].join("\n");
}

/** The best, median and worst case of each group of a test set, the set by its number, with their outlines. */
export function overlaysHtml(
  groups: readonly RunGroup[],
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
  set: number,
): string {
  return groups.map(({ name, runs }, group) => {
    const run = runs.find((r) => cases.some((c) => c.predictions.has(r.name)));
    if (run === undefined) return "";
    const drawings = chooseCases(run.records).flatMap((chosen) =>
      cases.filter((c) => c.case === chosen.case).flatMap((c) => {
        const prediction = c.predictions.get(run.name);
        if (prediction === undefined) return [];
        const dice = diceOf(run, chosen.case, c.modality);
        const title = `${chosen.rank} case: ${chosen.case}, ${c.modality}, Dice ${
          dice?.toFixed(3) ?? "undefined"
        }`;
        return [overlayPlot({ title, image: c.image, reference: c.reference, prediction, classes })];
      })
    ).map((svg, i) => overlayHtml(svg, `overlay-${set}-${group}-${i}`, classes));
    return `<h3>${escapeHtml(`${name}, seed ${run.seed}`)}</h3>\n${plots(drawings)}`;
  }).join("\n");
}
