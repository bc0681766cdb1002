/**
 * A metric over a number that runs differ in.
 *
 * @module
 */

import type { MetricRow } from "../metrics/metric_row.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { summarise } from "../statistics/summarise.ts";
import { axes, figure, legend, legendWidth, type PanelBox } from "./figure.ts";
import { drawSeries, rangeOf, seriesPoint } from "./series.ts";

/** A record of a run, and where on the horizontal axis the run lies. */
export interface PlacedRecord extends RunRecord {
  /** The number. */
  readonly x: number;
}

/** What the horizontal axis is. */
export interface LinesAxis {
  /** In the title, after "by". */
  readonly title: string;
  /** Below the axis. */
  readonly label: string;
}

/**
 * A line a method, a panel a modality, a point a number. Points are means over seeds of the mean over classes; bars
 * reach from the lowest to the highest seed.
 *
 * @throws {EvalError} `eval.plot` when no record defines the metric
 */
export function metricLines(records: readonly PlacedRecord[], metric: Metric, axis: LinesAxis): string {
  const methods = [...new Set(records.map((r) => r.method))];
  const places = [...new Set(records.map((r) => r.x))].toSorted((a, b) => a - b);
  const panels = [...new Set(records.map((r) => r.modality))].map((modality) => ({
    modality,
    series: methods.map((label, index) => ({
      label,
      index,
      points: places.flatMap((place) => {
        const own = records.filter((r) => r.modality === modality && r.method === label && r.x === place);
        const means = [...new Set(own.map((r) => r.seed))]
          .map((seed) => summarise(own.filter((r) => r.seed === seed)).mean[metric]).filter((m) =>
            m !== null
          );
        return means.length === 0 ? [] : [seriesPoint(place, means)];
      }),
    })).filter((s) => s.points.length > 0),
  }));
  const all = panels.flatMap((p) => p.series.flatMap((s) => s.points));
  if (all.length === 0) {
    throw new EvalError("eval.plot", `none of the ${records.length} records defines ${metric}`, {
      fix: "Plot a metric that at least one case has.",
    });
  }
  const { label, unit } = metrics[metric];
  const entries = methods.map((method, index) => ({ label: method, index }));
  const width = 28 + panels.length * 320 + legendWidth(entries);
  const { svg, finish } = figure(
    `${label} by ${axis.title}`,
    width,
    300,
    "mean over seeds; bars: lowest to highest seed",
  );
  panels.forEach(({ modality, series }, i) => {
    const box: PanelBox = { left: 70 + i * 320, right: 310 + i * 320, top: 50, bottom: 250 };
    const margin = (places.at(-1)! - places[0]!) / 10 || 5;
    const x = d3.scaleLinear([places[0]! - margin, places.at(-1)! + margin], [box.left, box.right]);
    const y = d3.scaleLinear(rangeOf(all, (metrics[metric] as MetricRow).range), [box.bottom, box.top])
      .nice();
    axes(svg, box, x, y, {
      x: axis.label,
      xTicks: places,
      y: unit === "" ? label : `${label} (${unit})`,
    });
    svg.append("text").attr("x", (box.left + box.right) / 2).attr("y", 40).attr("text-anchor", "middle").text(
      modality,
    );
    for (const s of series) drawSeries(svg, s, x, y);
  });
  legend(svg, 25 + panels.length * 320, 58, entries);
  return finish();
}
