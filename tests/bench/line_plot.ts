/** A plot of lines over measured places, on linear or logarithmic axes. */

import { d3 } from "../../eval/deps.ts";
import { color, dash, figure, marker, type PanelBox, type SvgSelection } from "../../eval/plots/figure.ts";

/** One line. */
export interface PlotSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn as a thin line without markers: a model, not a measurement. */
  readonly isModel?: boolean;
}

/** An axis. */
export interface PlotAxis {
  readonly label: string;
  readonly isLogarithmic: boolean;
}

/** The plot. */
export interface LinePlot {
  readonly title: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
}

const box: PanelBox = { left: 80, right: 430, top: 40, bottom: 270 };

/** 1, 2 and 5 times the powers of ten inside a range. */
export function roundTicks([low, high]: readonly [number, number]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function scaleOf({ isLogarithmic }: PlotAxis, values: readonly number[], range: [number, number]) {
  const [low, high] = d3.extent(values) as [number, number];
  if (isLogarithmic) return d3.scaleLog([low / 1.25, high * 1.25], range);
  return d3.scaleLinear([0, high * 1.08], range);
}

type Scale = ReturnType<typeof scaleOf>;

function drawAxis(svg: SvgSelection, side: "bottom" | "left", scale: Scale, ticks: readonly number[]): void {
  const axis = (side === "bottom" ? d3.axisBottom(scale) : d3.axisLeft(scale))
    .tickValues(ticks as number[]).tickFormat((value) => value.toLocaleString("en"))
    .tickSizeOuter(0).tickPadding(6);
  if (side === "left") axis.tickSizeInner(-(box.right - box.left));
  const place = side === "bottom" ? `translate(0,${box.bottom})` : `translate(${box.left},0)`;
  const g = svg.append("g").attr("transform", place) as unknown as SvgSelection;
  g.call(axis as never).attr("font-family", null);
  g.selectAll("path").attr("stroke", "#444");
  g.selectAll("line").attr("stroke", side === "bottom" ? "#444" : "#ddd");
  g.selectAll("text").attr("fill", "#111").attr("font-size", 11);
}

/** Draws a line through places in px, with markers that tell their values; in the key there are none to tell. */
function drawLine(
  svg: SvgSelection,
  { label, points, isModel }: PlotSeries,
  index: number,
  places: readonly [x: number, y: number][],
): void {
  const g = svg.append("g");
  g.append("path").attr("d", d3.line().digits(3)(places as [number, number][])).attr("fill", "none")
    .attr("stroke", color(index)).attr("stroke-width", isModel ? 1.2 : 2)
    .attr("stroke-dasharray", dash(index) || null);
  if (isModel) return;
  places.forEach(([x, y], i) => {
    const mark = g.append("path").attr("transform", `translate(${x},${y})`).attr("d", marker(index))
      .attr("fill", color(index));
    const point = points[i];
    if (point) mark.append("title").text(`${label}, ${point[0]}: ${point[1].toPrecision(4)}`);
  });
}

/** The plot as SVG. Ticks of x stand at the measured places. */
export function linePlot({ title, x, y, series }: LinePlot): string {
  const measured = series.filter((s) => !s.isModel);
  const places = [...new Set(measured.flatMap((s) => s.points.map((p) => p[0])))].toSorted((a, b) => a - b);
  const heights = series.flatMap((s) => s.points.map((p) => p[1]));
  const width = 490 + 7 * Math.max(...series.map((s) => s.label.length));
  const { svg, finish } = figure(title, width, 320, measured.map((s) => s.label).join(", "));
  const sx = scaleOf(x, places, [box.left, box.right]), sy = scaleOf(y, heights, [box.bottom, box.top]);
  drawAxis(svg, "left", sy, y.isLogarithmic ? roundTicks(sy.domain() as [number, number]) : sy.ticks(5));
  // Places that would print on top of each other: the right one is named.
  const named = places.filter((place, i) => i === places.length - 1 || sx(places[i + 1]!) - sx(place) > 45);
  drawAxis(svg, "bottom", sx, named);
  svg.append("text").attr("x", (box.left + box.right) / 2).attr("y", box.bottom + 36)
    .attr("text-anchor", "middle").text(x.label);
  svg.append("text").attr("transform", `translate(20,${(box.top + box.bottom) / 2}) rotate(-90)`)
    .attr("text-anchor", "middle").text(y.label);
  series.forEach((entry, index) => {
    drawLine(svg, entry, index, entry.points.map(([x, y]) => [sx(x), sy(y)]));
    const height = box.top + 10 + 18 * index;
    drawLine(svg, { ...entry, points: [] }, index, [[box.right + 16, height], [box.right + 42, height]]);
    svg.append("text").attr("x", box.right + 50).attr("y", height).attr("dy", "0.32em").text(entry.label);
  });
  return finish();
}
