import type { Metric } from "../metrics/metrics.ts";
import { labelRatioPlot } from "../plots/label_ratio_plot.ts";
import { metricLines } from "../plots/metric_lines.ts";
import { percent } from "../tables/percent.ts";
import { recordsOf, type RunResults } from "./run_results.ts";

/**
 * A metric over each number that runs differ in, by its name: the label ratio (`labels`), and what a sweep gives
 * several values (`labelled`, settings of its grid).
 */
export function plotsOverNumbers(runs: readonly RunResults[], metric: Metric): Map<string, string> {
  const plots = new Map<string, string>();
  if (!runs.some(({ records }) => records.some((r) => r[metric] !== null))) return plots;
  const names = [...new Set(runs.flatMap(({ varied = {} }) => Object.keys(varied)))].filter((name) => {
    const values = runs.map(({ varied }) => varied?.[name]);
    return values.every((value) => typeof value === "number") && new Set(values).size > 1;
  });
  const severalRatios = new Set(runs.map((run) => run.label_ratio)).size > 1;
  if (severalRatios && !names.includes("labelled")) {
    const records = recordsOf(runs);
    plots.set("labels", labelRatioPlot(records, { metric }));
  }
  for (const name of names) {
    const placed = runs.flatMap((run) => {
      const { varied = {}, label_ratio } = run, x = varied[name] as number;
      const rest = run.method.replace(`, ${name} ${x}`, "");
      const counts = varied.labelled === undefined || name === "labelled"
        ? ""
        : `, ${varied.labelled} labelled`;
      const ratio = severalRatios && varied.labelled === undefined ? `, ${percent(label_ratio)}` : "";
      const method = `${rest}${counts}${ratio}`;
      return recordsOf([{ ...run, method }]).map((record) => ({ ...record, x }));
    });
    const axis = name === "labelled" ? "labelled subjects" : name;
    plots.set(name, metricLines(placed, metric, { title: axis, label: axis }));
  }
  return plots;
}
