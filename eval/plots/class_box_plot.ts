import type { CaseRecord } from "../metrics/case_record.ts";
import type { MetricRow } from "../metrics/metric_row.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { percentile } from "../metrics/surface.ts";
import { classKey, classLabels, distinctClasses } from "../statistics/class_labels.ts";
import {
  axes,
  color,
  dash,
  figure,
  legend,
  legendWidth,
  marker,
  type PanelBox,
  type SvgSelection,
} from "./figure.ts";

/** What {@link classBoxPlot} can be told. */
export interface ClassBoxPlotOptions {
  /** Metric on the vertical axis; Dice unless told. */
  readonly metric?: Metric;
  /** Title. */
  readonly title?: string;
}

/**
 * Box plot with all cases as SVG: one group a class, one box a modality.
 *
 * From five cases on the box spans the quartiles, the line is the median, whiskers reach the furthest case within 1.5 times
 * the quartile distance; every case is a dot, spread sideways by its place so that equal runs draw equally.
 *
 * @throws {EvalError} `eval.plot` when no record defines the metric
 *
 * @example
 * ```ts
 * import { classBoxPlot, evaluateCase } from "../mod.ts";
 * import { ndarray } from "../deps.ts";
 * import assert from "node:assert/strict";
 *
 * const grid = { array: ndarray(Uint8Array.of(0, 1), [1, 1, 2]), spacing: [1, 1, 1] as const };
 * const classes = [{ id: 1, name: "liver" }];
 * const records = evaluateCase({ case: "a", modality: "ct", prediction: grid, reference: grid, classes });
 * assert.match(classBoxPlot(records), /liver/);
 * ```
 */
export function classBoxPlot(
  records: readonly CaseRecord[],
  { metric = "dice", title }: ClassBoxPlotOptions = {},
): string {
  const { label, unit } = metrics[metric];
  const shown = records.filter((r) => r[metric] !== null);
  if (shown.length === 0) {
    throw new EvalError("eval.plot", `none of the ${records.length} records defines ${metric}`, {
      fix: "Plot a metric that at least one case has.",
    });
  }
  const classes = distinctClasses(records), nameOf = classLabels(records);
  const modalities = [...new Set(records.map((r) => r.modality))];
  const entries = modalities.map((label, index) => ({ label, index }));
  const aside = legendWidth(entries) + 16;
  const width = Math.max(420, 80 + aside + classes.length * (30 + modalities.length * 34));
  const { svg, finish } = figure(
    title ?? `${label} by class`,
    width,
    330,
    `${label} of ${shown.length} structures; quartiles, median, whiskers to 1.5 quartile distances, every case a dot`,
  );
  const box: PanelBox = { left: 70, right: width - aside, top: 36, bottom: 282 };
  const x = d3.scaleBand(classes.map(nameOf), [box.left, box.right]).paddingInner(0.25).paddingOuter(0.15);
  const inner = d3.scaleBand(modalities, [0, x.bandwidth()]).padding(0.15);
  const values = shown.map((r) => r[metric]!);
  const { range }: MetricRow = metrics[metric];
  const y = range !== undefined
    ? d3.scaleLinear(range, [box.bottom, box.top])
    : d3.scaleLinear([Math.min(0, d3.min(values)!), d3.max(values)! || 1], [box.bottom, box.top]).nice();
  axes(svg, box, x, y, { x: "class", y: unit === "" ? label : `${label} (${unit})` });
  for (const of of classes) {
    modalities.forEach((modality, index) => {
      const own = shown.filter((r) => classKey(r) === classKey(of) && r.modality === modality);
      const left = x(nameOf(of))! + inner(modality)!;
      if (own.length > 0) drawBox(svg, own, metric, index, left, inner.bandwidth(), y);
    });
  }
  legend(svg, width - aside + 12, box.top + 8, entries);
  return finish();
}

/** Cases from which a box says more than its dots. */
const fewestInBox = 5;

function drawBox(
  svg: SvgSelection,
  records: readonly CaseRecord[],
  metric: Metric,
  index: number,
  left: number,
  width: number,
  y: d3.ScaleLinear<number, number>,
): void {
  const ascending = records.map((r) => r[metric]!).sort((a, b) => a - b);
  const [q1, median, q3] = [25, 50, 75].map((p) => percentile(ascending, p)) as [number, number, number];
  const isBox = ascending.length >= fewestInBox;
  const reach = 1.5 * (q3 - q1);
  const low = ascending.find((v) => v >= q1 - reach)!, high = ascending.findLast((v) => v <= q3 + reach)!;
  const middle = left + width / 2;
  const g = svg.append("g").attr("stroke", color(index));
  g.append("title").text(
    `${records[0]!.class_name}, ${records[0]!.modality}: median ${median.toFixed(3)}, quartiles ` +
      `${q1.toFixed(3)} to ${q3.toFixed(3)}, n ${ascending.length}`,
  );
  if (isBox) g.append("line").attr("x1", middle).attr("x2", middle).attr("y1", y(low)).attr("y2", y(high));
  if (isBox) {
    g.append("rect").attr("x", left).attr("width", width).attr("y", y(q3)).attr(
      "height",
      Math.max(1, y(q1) - y(q3)),
    )
      .attr("fill", "#fff").attr("stroke-width", 1.5).attr("stroke-dasharray", dash(index) || null);
  }
  if (ascending.length > 1) {
    g.append("line").attr("x1", left).attr("x2", left + width).attr("y1", y(median)).attr("y2", y(median))
      .attr("stroke-width", 2.5);
  }
  records.forEach((record, i) => {
    const aside = ((i * 0.618034) % 1 - 0.5) * width * 0.6;
    g.append("path").attr("transform", `translate(${middle + aside},${y(record[metric]!)})`)
      .attr("d", marker(index, 16)).attr("fill", color(index)).attr("fill-opacity", 0.75).attr(
        "stroke",
        "none",
      )
      .append("title").text(`${record.case}: ${record[metric]!.toFixed(3)} (${record.status})`);
  });
}
