import { d3 } from "../deps.ts";
import {
  axes,
  color,
  dash,
  figure,
  flow,
  legend,
  legendWidth,
  marker,
  type PanelBox,
  type SvgSelection,
} from "./figure.ts";

/** A value at a step, with the range of the runs that it is the mean of. */
export interface CurvePoint {
  /** Steps done. */
  readonly step: number;
  /** Mean. */
  readonly mean: number;
  /** Lowest run. */
  readonly low: number;
  /** Highest run. */
  readonly high: number;
}

/** A curve of a panel. */
export interface Curve {
  /** Name in the legend. */
  readonly label: string;
  /** In order of their steps; at least one. */
  readonly points: readonly CurvePoint[];
}

/** A panel with an axis of its own. */
export interface CurvePanel {
  /** What the vertical axis shows, with its unit. */
  readonly label: string;
  /** Its curves; at least one. */
  readonly curves: readonly Curve[];
  /** Ends of the vertical axis; from 0, or the lowest value below it, to the highest unless told. */
  readonly domain?: readonly [number, number];
}

/** A step at which something begins. */
export interface Phase {
  /** The step. */
  readonly step: number;
  /** What to write beside it, in the uppermost panel. */
  readonly text: string;
}

/** What {@link curvePanels} draws. */
export interface CurvePanelsInput {
  /** Title. */
  readonly title: string;
  /** What a reader of the picture's text is told. */
  readonly description: string;
  /** One below the other, over the same steps. */
  readonly panels: readonly CurvePanel[];
  /** Vertical lines. */
  readonly phases: readonly Phase[];
  /** Whether curves have bands for their range. */
  readonly hasBands: boolean;
  /** For narrow screens: 400 px wide, with the legends below. */
  readonly compact?: boolean;
}

/** Points of a curve that are drawn at most; of more, neighbours are averaged. */
const mostPoints = 400;

/** Panels of curves over the steps of a training, as SVG. */
export function curvePanels(
  { title, description, panels, phases, hasBands, compact = false }: CurvePanelsInput,
): string {
  const entries = panels.map(({ curves }) => curves.map(({ label }, index) => ({ label, index })));
  const [left, right] = compact ? [62, 388] : [70, 560];
  const below = entries.map((own) => compact ? flow(own.map(({ label }) => label), 380).height : 0);
  const above = below.map((_, i) => below.slice(0, i).reduce((sum, height) => sum + height, 0));
  const { svg, finish } = figure(
    title,
    compact ? 400 : 576 + Math.max(...entries.map(legendWidth)),
    50 + panels.length * 230 + below.reduce((sum, height) => sum + height, 0),
    description,
  );
  const all = panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points));
  const steps = d3.extent(all, (p) => p.step) as [number, number];
  const [begin, end] = steps[0] === steps[1] ? [steps[0] - 1, steps[1] + 1] : steps;
  panels.forEach(({ label, curves, domain }, i) => {
    const top = 36 + i * 230 + above[i]!;
    const box: PanelBox = { left, right, top, bottom: top + 180 };
    const x = d3.scaleLinear([begin, end], [left, right]);
    const y = d3.scaleLinear(domain ?? rangeOf(curves), [box.bottom, box.top]).nice();
    axes(svg, box, x, y, { x: "step", y: label });
    curves.forEach((curve, index) => drawCurve(svg, curve, index, x, y, hasBands));
    for (const { step, text } of phases) drawPhase(svg, box, x(step), i === 0 ? text : "");
    if (compact) legend(svg, 10, box.bottom + 50, entries[i]!, 380);
    else legend(svg, 576, top + 8, entries[i]!);
  });
  return finish();
}

function rangeOf(curves: readonly Curve[]): [number, number] {
  const points = curves.flatMap((c) => c.points);
  const [low, high] = [Math.min(0, d3.min(points, (p) => p.low)!), d3.max(points, (p) => p.high)!];
  return [low, low === high ? low + 1 : high];
}

/** At most {@link mostPoints} points; each of them the mean of neighbours, with the range of all. */
function thinned(points: readonly CurvePoint[]): readonly CurvePoint[] {
  const size = Math.ceil(points.length / mostPoints);
  if (size === 1) return points;
  return d3.range(0, points.length, size).map((from) => {
    const own = points.slice(from, from + size);
    return {
      step: own.at(-1)!.step,
      mean: d3.mean(own, (p) => p.mean)!,
      low: d3.min(own, (p) => p.low)!,
      high: d3.max(own, (p) => p.high)!,
    };
  });
}

function drawPhase(svg: SvgSelection, box: PanelBox, x: number, text: string): void {
  svg.append("line").attr("x1", x).attr("x2", x).attr("y1", box.top).attr("y2", box.bottom)
    .attr("stroke", "#444").attr("stroke-dasharray", "3 3");
  const end = x > (box.left + box.right) / 2;
  svg.append("text").attr("x", end ? x - 4 : x + 4).attr("y", box.top + 10)
    .attr("text-anchor", end ? "end" : "start").text(text);
}

function drawCurve(
  svg: SvgSelection,
  { label, points: all }: Curve,
  index: number,
  x: d3.ScaleLinear<number, number>,
  y: d3.ScaleLinear<number, number>,
  hasBand: boolean,
): void {
  const g = svg.append("g"), points = [...thinned(all)];
  g.append("title").text(label);
  if (hasBand) {
    const area = d3.area<CurvePoint>().x((p) => x(p.step)).y0((p) => y(p.low)).y1((p) => y(p.high)).digits(3);
    g.append("path").attr("d", area(points)).attr("fill", color(index)).attr("fill-opacity", 0.18);
  }
  const line = d3.line<CurvePoint>().x((p) => x(p.step)).y((p) => y(p.mean)).digits(3);
  g.append("path").attr("d", line(points)).attr("fill", "none").attr("stroke", color(index))
    .attr("stroke-width", 1.8).attr("stroke-dasharray", dash(index) || null);
  const every = Math.max(1, Math.ceil(points.length / 12)); // a marker here and there tells curves apart in grey
  points.forEach((p, i) => {
    if (i % every !== 0) return;
    g.append("path").attr("transform", `translate(${x(p.step)},${y(p.mean)})`).attr("d", marker(index))
      .attr("fill", color(index)).append("title").text(`${label}, step ${p.step}: ${p.mean.toPrecision(4)}`);
  });
}
