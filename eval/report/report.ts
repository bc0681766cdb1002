import { type Metric, metrics } from "../metrics/metrics.ts";
import { comparisonTableModel, type RunCosts } from "../tables/comparison_table.ts";
import { addConfusions, confusion } from "../metrics/confusion.ts";
import { EvalError } from "../errors.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { blandAltman } from "../plots/bland_altman.ts";
import { classBoxPlot } from "../plots/class_box_plot.ts";
import { confusionPlot } from "../plots/heat_map.ts";
import { labelRatioPlot } from "../plots/label_ratio_plot.ts";
import { learningCurves } from "../plots/learning_curves.ts";
import { modalityBars } from "../plots/modality_bars.ts";
import { chooseCases, overlayPlot } from "../plots/overlay.ts";
import { pairedDifference } from "../plots/paired_difference.ts";
import { robustnessCurves } from "../plots/robustness_curves.ts";
import { escapeHtml, renderTable } from "../tables/render_table.ts";
import { robustnessTableModels } from "../tables/robustness.ts";
import { type RunRecord, tagRecords } from "../statistics/run_record.ts";
import { compareMethods, type Comparison } from "../statistics/compare.ts";
import { comparisonListModel } from "../tables/comparison_list.ts";
import { average, summarise } from "../statistics/summarise.ts";
import type { TableModel } from "../tables/table_model.ts";
import { fold, page, type Section, wide } from "./page.ts";
import type { RunResults } from "./run_results.ts";
import { type ReportCase, viewerHtml } from "./viewer.ts";

/** What {@link reportHtml} can be told. */
export interface ReportOptions {
  /** Title of the page. */
  readonly title?: string;
  /** The method the others are compared with; `supervised` when there is one, otherwise the first. */
  readonly baseline?: string;
  /** Volumes of test cases, for overlays and the slice viewer. */
  readonly cases?: readonly ReportCase[];
  /** The classes of those volumes. */
  readonly classes?: readonly LabelClass[];
}

const shownMetrics: readonly Metric[] = ["dice", "assd_mm"];

/**
 * One self-contained HTML page about finished runs: what was run, tables, tests with what was not significant,
 * plots, overlays of the best, median and worst case, a slice viewer, costs.
 *
 * Runs that share method and label ratio are taken as seeds of one another.
 *
 * @throws {EvalError} `report.runs` without runs, or for two runs of one method, label ratio and seed
 */
export function reportHtml(runs: readonly RunResults[], options: ReportOptions = {}): string {
  checkRuns(runs);
  const records = runs.flatMap((run) => tagRecords(run.records, { ...run, run: run.name }));
  const groups = groupRuns(runs);
  const methods = [...new Set(runs.map((run) => run.method))];
  const baseline = options.baseline ?? (methods.includes("supervised") ? "supervised" : methods[0]!);
  const { cases = [], classes = [], title = "Segmentation report" } = options;
  const sections: (Section | undefined)[] = [
    { id: "runs", title: "What was run", html: whatWasRun(runs) },
    {
      id: "results",
      title: "Results",
      html: results(runs, records, methods.length > 1 ? baseline : undefined),
    },
    methods.length > 1
      ? { id: "tests", title: "Significance", html: significance(records, baseline) }
      : undefined,
    { id: "plots", title: "Plots", html: plots(groups, records, methods, baseline, cases, classes) },
    robustness(runs),
    missingModalities(groups),
    cases.length > 0
      ? { id: "overlays", title: "Best, median and worst case", html: overlays(groups, cases, classes) }
      : undefined,
    cases.length > 0 ? { id: "slices", title: "Slices", html: viewerHtml(cases, classes) } : undefined,
    { id: "misses", title: "Misses", html: misses(records) },
  ];
  const tested = new Set(records.map((r) => r.case)).size;
  const lead = `${runs.length} ${runs.length === 1 ? "run" : "runs"}, ${
    methods.join(", ")
  }, ${tested} test cases.`;
  return page(title, lead, sections.filter((s) => s !== undefined));
}

function checkRuns(runs: readonly RunResults[]): void {
  const seen = new Map<string, string>();
  for (const { name, method, label_ratio, seed } of runs) {
    const key = JSON.stringify([method, label_ratio, seed]), other = seen.get(key);
    if (other !== undefined) {
      throw new EvalError(
        "report.runs",
        `${other} and ${name} are both ${method} at ${label_ratio}, seed ${seed}`,
        {
          fix: "Report runs that differ in method, label ratio or seed.",
        },
      );
    }
    seen.set(key, name);
  }
  if (runs.length === 0) {
    throw new EvalError("report.runs", "there are no runs to report", {
      fix: "Name at least one run folder.",
    });
  }
}

interface Group {
  name: string;
  runs: RunResults[];
}

/** Runs that differ in their seed only. */
function groupRuns(runs: readonly RunResults[]): Group[] {
  const groups = new Map<string, Group>();
  for (const run of runs) {
    const name = `${run.method}, ${percent(run.label_ratio)} labels`;
    const group = groups.get(name);
    if (group) group.runs.push(run);
    else groups.set(name, { name, runs: [run] });
  }
  return [...groups.values()];
}

/** A table that scrolls sideways, with its caption below at the width of the page. */
function tableHtml(model: TableModel): string {
  const { caption } = model;
  return `${wide(renderTable({ ...model, caption: "" }, "html"))}<p class="note">${escapeHtml(caption)}</p>`;
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(3))} %`;
}

function whatWasRun(runs: readonly RunResults[]): string {
  const text = (value: unknown): string =>
    escapeHtml(Array.isArray(value) ? value.join(" × ") : String(value ?? "–"));
  const size = (value: unknown): string => String(Array.isArray(value) ? value.length : "–");
  const heads = [
    "run",
    "method",
    "labels",
    "seed",
    "preset",
    "patch",
    "steps",
    "labelled",
    "unlabelled",
    "validation",
    "test",
    "mean Dice",
  ];
  const rows = runs.map((run) => {
    const { preset, patch, steps } = run.config, { labelled, unlabelled, validation, test } = run.split;
    const cells = [
      run.method,
      percent(run.label_ratio),
      String(run.seed),
      text(preset),
      text(patch),
      text(steps),
    ];
    const counts = [labelled, unlabelled, validation, test].map(size);
    const dice = summarise(run.records).mean.dice;
    return `<tr><th scope="row">${escapeHtml(run.name)}</th>${
      [...cells.map((c, i) => i === 0 ? escapeHtml(c) : c), ...counts, dice === null ? "–" : dice.toFixed(3)]
        .map((cell, i) => `<td${i === 0 ? ' class="text"' : ""}>${cell}</td>`).join("")
    }</tr>`;
  });
  const details = runs.map((run) =>
    fold(
      `${run.name}: settings, split, environment`,
      [run.config, run.split, run.environment].map((part) =>
        `<pre>${escapeHtml(JSON.stringify(part, null, 1))}</pre>`
      )
        .join(""),
    )
  );
  return wide(
    `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>${
      rows.join("")
    }</tbody></table>`,
  ) + details.join("\n");
}

function results(
  runs: readonly RunResults[],
  records: readonly RunRecord[],
  baseline: string | undefined,
): string {
  const methods = [...new Set(runs.map((run) => run.method))];
  const costs = Object.fromEntries(
    methods.map((
      method,
    ) => [method, meanCosts(runs.filter((run) => run.method === method).map((r) => r.costs))]),
  );
  const model = comparisonTableModel(records, {
    metrics: shownMetrics,
    costs,
    ...(baseline === undefined ? {} : { baseline }),
  });
  return tableHtml(model);
}

function meanCosts(costs: readonly RunCosts[]): RunCosts {
  const mean = (key: keyof RunCosts): number | null =>
    average(costs.map((c) => c[key]).filter((v) => v !== null));
  return {
    parameters: mean("parameters"),
    multiply_adds: mean("multiply_adds"),
    peak_bytes: mean("peak_bytes"),
    train_seconds: mean("train_seconds"),
    inference_ms: mean("inference_ms"),
  };
}

function significance(records: readonly RunRecord[], baseline: string): string {
  const comparisons = shownMetrics.flatMap((metric) => compareMethods(records, { baseline, metric }));
  const open = comparisons.filter((c) => c.p_holm === null || c.p_holm >= 0.05);
  const phrase = (c: Comparison): string =>
    `${c.method} against ${c.baseline} at ${percent(c.label_ratio)} labels, ${
      c.modality === "all" ? "all classes and modalities" : `${c.class_name} (${c.modality})`
    }, ${metrics[c.metric].label}: ${
      c.p_holm === null ? `${c.n} cases, too few for a test` : `Holm p ${c.p_holm.toFixed(3)}`
    }`;
  const list = open.length === 0
    ? "<p>Every comparison is significant at 0.05 after Holm's correction.</p>"
    : `<p>${open.length} of ${comparisons.length} comparisons show no significant difference:</p>\n<ul>${
      open.map((c) => `<li>${escapeHtml(phrase(c))}</li>`).join("\n")
    }</ul>`;
  return `${tableHtml(comparisonListModel(comparisons))}\n<h3>Not significant</h3>\n${list}`;
}

function plots(
  groups: readonly Group[],
  records: readonly RunRecord[],
  methods: readonly string[],
  baseline: string,
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
): string {
  const ratios = [...new Set(records.map((r) => r.label_ratio))].toSorted((a, b) => a - b);
  const across = [
    ...(ratios.length > 1 ? shownMetrics.map((metric) => labelRatioPlot(records, { metric })) : []),
    ...ratios.flatMap((ratio) => {
      const own = records.filter((r) => r.label_ratio === ratio);
      const present = new Set(own.map((r) => r.method));
      return methods.filter((m) => m !== baseline && present.has(m) && present.has(baseline)).map((method) =>
        `<figure>${pairedDifference(own, { method, baseline })}<figcaption>${
          percent(ratio)
        } labels</figcaption></figure>`
      );
    }),
  ];
  const within = groups.map(({ name, runs }) => {
    const own = runs.flatMap((run) => run.records);
    const volumes = cases.flatMap((c) =>
      runs.flatMap((run) =>
        c.predictions[run.name] ? [confusion(c.predictions[run.name]!, c.reference, classes)] : []
      )
    );
    const logged = runs.every((run) => run.log.length > 0);
    return `<h3>${escapeHtml(name)}</h3>\n<div class="plots">${
      [
        ...(logged ? [learningCurves(runs.map((run) => run.log), lossColumns(runs))] : []),
        ...shownMetrics.map((metric) => classBoxPlot(own, { metric })),
        ...(own.filter((r) => r.status !== "absent").length > 1 ? [blandAltman(own)] : []),
        ...(volumes.length > 0
          ? [confusionPlot(addConfusions(volumes as [typeof volumes[0], ...typeof volumes]))]
          : []),
      ].join("\n")
    }</div>`;
  });
  return `<div class="plots">${across.join("\n")}</div>\n${within.join("\n")}`;
}

/** Everything logged but the learning rate and the size of the gradient, which are no losses. */
function lossColumns(runs: readonly RunResults[]): { columns: string[] } {
  const logged = new Set(runs.flatMap((run) => run.log.flatMap((row) => Object.keys(row))));
  return { columns: [...logged].filter((name) => !["step", "lr", "gradient_norm"].includes(name)) };
}

function robustness(runs: readonly RunResults[]): Section | undefined {
  const records = runs.flatMap((run) => run.robustness);
  if (records.length === 0) return undefined;
  const parts = shownMetrics.map((metric) =>
    `<div class="plots">${robustnessCurves(records, { metric })}</div>${
      robustnessTableModels(records, { metric }).map(tableHtml).join("\n")
    }`
  );
  return { id: "robustness", title: "Misalignment", html: parts.join("\n") };
}

function missingModalities(groups: readonly Group[]): Section | undefined {
  const parts = groups.flatMap(({ name, runs }) => {
    const records = runs.flatMap((run) => run.missingModalities);
    if (records.length === 0) return [];
    const bars = shownMetrics.filter((metric) => records.some((r) => r[metric] !== null))
      .map((metric) => modalityBars(records, { metric }));
    return [`<h3>${escapeHtml(name)}</h3>\n<div class="plots">${bars.join("\n")}</div>`];
  });
  if (parts.length === 0) return undefined;
  return { id: "missing", title: "Missing modalities", html: parts.join("\n") };
}

function overlays(
  groups: readonly Group[],
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
): string {
  return groups.map(({ name, runs }) => {
    const run = runs.find((r) => cases.some((c) => c.predictions[r.name] !== undefined));
    if (run === undefined) return "";
    const drawings = chooseCases(run.records).flatMap((chosen) =>
      cases.filter((c) => c.case === chosen.case && c.predictions[run.name] !== undefined).map((c) =>
        overlayPlot({
          title: `${chosen.rank}: ${chosen.case} (${c.modality}), mean Dice ${chosen.dice.toFixed(3)}`,
          image: c.image,
          reference: c.reference,
          prediction: c.predictions[run.name]!,
          classes,
        })
      )
    );
    return `<h3>${escapeHtml(`${name}, seed ${run.seed}`)}</h3>\n<div class="plots">${
      drawings.join("\n")
    }</div>`;
  }).join("\n");
}

function misses(records: readonly RunRecord[]): string {
  const wrong = records.filter((r) => r.status === "missed" || r.status === "false-positive");
  if (wrong.length === 0) return "<p>No class was missed or invented in any case.</p>";
  const rows = wrong.map((r) =>
    `<tr><th scope="row">${escapeHtml(r.run)}</th>${
      [r.case, r.modality, r.class_name, r.status === "missed" ? "missed" : "false positive"]
        .map((cell) => `<td class="text">${escapeHtml(cell)}</td>`).join("")
    }<td>${r.n_ref}</td><td>${r.n_pred}</td></tr>`
  );
  const heads = ["run", "case", "modality", "class", "what", "reference voxels", "predicted voxels"];
  return fold(
    `${wrong.length} of ${records.length} structures`,
    wide(
      `<table><thead><tr>${heads.map((h) => `<th scope="col">${h}</th>`).join("")}</tr></thead><tbody>${
        rows.join("\n")
      }</tbody></table>`,
    ),
  );
}
