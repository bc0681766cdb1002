import { d3 } from "../deps.ts";
import { color, dash, marker, type SvgSelection } from "./figure.ts";

/** A point of a series with the range of its seeds. */
export interface SeriesPoint {
  /** Place on the horizontal axis. */
  readonly x: number;
  /** Mean. */
  readonly mean: number;
  /** Lowest seed. */
  readonly low: number;
  /** Highest seed. */
  readonly high: number;
}

/** A point from the numbers of the seeds. */
export function seriesPoint(x: number, seeds: readonly number[]): SeriesPoint {
  return { x, mean: d3.mean(seeds)!, low: d3.min(seeds)!, high: d3.max(seeds)! };
}

/** Draws points joined by a line, with bars for the range. */
export function drawSeries(
  svg: SvgSelection,
  { label, index, points }: { label: string; index: number; points: readonly SeriesPoint[] },
  x: (value: number) => number,
  y: (value: number) => number,
): void {
  const g = svg.append("g").attr("stroke", color(index));
  g.append("title").text(label);
  const line = d3.line<SeriesPoint>().x((p) => x(p.x)).y((p) => y(p.mean)).digits(3);
  g.append("path").attr("d", line(points)).attr("fill", "none").attr("stroke-width", 1.8)
    .attr("stroke-dasharray", dash(index) || null);
  for (const p of points) {
    g.append("line").attr("x1", x(p.x)).attr("x2", x(p.x)).attr("y1", y(p.low)).attr("y2", y(p.high))
      .attr("stroke-width", 1.2);
    g.append("path").attr("transform", `translate(${x(p.x)},${y(p.mean)})`).attr("d", marker(index))
      .attr("fill", color(index)).attr("stroke", "none").append("title")
      .text(`${label}, ${p.x}: ${p.mean.toFixed(4)} (seeds ${p.low.toFixed(4)} to ${p.high.toFixed(4)})`);
  }
}

/**
 * Domain of a vertical axis that holds all ranges, with some air.
 *
 * @param bounds smallest and largest value there can be; the axis does not go beyond
 */
export function rangeOf(
  points: readonly SeriesPoint[],
  [least, most]: readonly [number, number] = [-Infinity, Infinity],
): [number, number] {
  const low = d3.min(points, (p) => p.low)!, high = d3.max(points, (p) => p.high)!;
  const air = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.05;
  return [Math.max(least, low - air), Math.min(most, high + air)];
}
