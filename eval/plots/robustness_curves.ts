import type { MetricRow } from "../metrics/metric_row.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { perturbationUnits, robustnessPoints, type RobustnessRecord } from "../tables/robustness.ts";
import { percent } from "../tables/percent.ts";
import { axes, figure, legend, legendWidth, type PanelBox } from "./figure.ts";
import { drawSeries, rangeOf, seriesPoint } from "./series.ts";

/** What {@link robustnessCurves} can be told. */
export interface RobustnessCurvesOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
}

/**
 * A metric against the misalignment of all modalities but the first as SVG: a row a perturbation, a panel a modality,
 * a line a method and label ratio; bars reach from the lowest to the highest seed.
 *
 * @throws {EvalError} `eval.plot` when no record defines the metric
 */
export function robustnessCurves(
  records: readonly RobustnessRecord[],
  { metric = "dice" }: RobustnessCurvesOptions = {},
): string {
  const points = robustnessPoints(records, metric);
  if (points.length === 0) {
    throw new EvalError("eval.plot", `none of the ${records.length} records defines ${metric}`, {
      fix: "Plot a metric that at least one case has.",
    });
  }
  const kinds = [...new Set(records.map((r) => r.perturbation))];
  const modalities = [...new Set(records.map((r) => r.modality))];
  const severalRatios = new Set(records.map((r) => r.label_ratio)).size > 1;
  const name = (p: { method: string; label_ratio: number }): string =>
    severalRatios ? `${p.method} ${percent(p.label_ratio)}` : p.method;
  const lines = [...new Set(records.map(name))];
  const { label, unit } = metrics[metric];
  const entries = lines.map((line, index) => ({ label: line, index }));
  const width = 28 + modalities.length * 320 + legendWidth(entries);
  const { svg, finish } = figure(
    `${label} under misalignment`,
    width,
    40 + kinds.length * 255,
    "mean over seeds; bars: lowest to highest seed",
  );
  const y0 = rangeOf(points.map((p) => seriesPoint(p.level, p.seeds)), (metrics[metric] as MetricRow).range);
  kinds.forEach((kind, row) => {
    const levels = d3.extent(points.filter((p) => p.perturbation === kind), (p) => p.level) as [
      number,
      number,
    ];
    modalities.forEach((modality, column) => {
      const box: PanelBox = {
        left: 70 + column * 320,
        right: 310 + column * 320,
        top: 52 + row * 255,
        bottom: 238 + row * 255,
      };
      const margin = (levels[1] - levels[0]) * 0.04 || 1;
      const x = d3.scaleLinear([levels[0] - margin, levels[1] + margin], [box.left, box.right]);
      const y = d3.scaleLinear(y0, [box.bottom, box.top]).nice();
      axes(svg, box, x, y, {
        x: `${kind} (${perturbationUnits[kind]})`,
        y: unit === "" ? label : `${label} (${unit})`,
      });
      svg.append("text").attr("x", (box.left + box.right) / 2).attr("y", box.top - 10)
        .attr("text-anchor", "middle").text(modality);
      lines.forEach((line, index) => {
        const own = points.filter((p) =>
          p.perturbation === kind && p.modality === modality && name(p) === line
        )
          .map((p) => seriesPoint(p.level, p.seeds));
        if (own.length > 0) drawSeries(svg, { label: line, index, points: own }, x, y);
      });
    });
  });
  legend(svg, 25 + modalities.length * 320, 60, entries);
  return finish();
}
