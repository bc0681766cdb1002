import type { Metric } from "../metrics/metrics.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { metricLines } from "./metric_lines.ts";

/** What {@link labelRatioPlot} can be told. */
export interface LabelRatioPlotOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
}

/**
 * A metric against the share of labelled subjects as SVG: a line a method, a panel a modality.
 *
 * Points are means over seeds of the mean over classes; bars reach from the lowest to the highest seed.
 *
 * @throws {EvalError} `eval.plot` when no record defines the metric
 */
export function labelRatioPlot(
  records: readonly RunRecord[],
  { metric = "dice" }: LabelRatioPlotOptions = {},
): string {
  const placed = records.map((record) => ({ ...record, x: 100 * record.label_ratio }));
  return metricLines(placed, metric, { title: "label ratio", label: "labelled subjects (%)" });
}
