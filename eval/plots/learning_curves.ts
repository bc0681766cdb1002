import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import type { LogRow } from "../report/log.ts";
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

/** What {@link learningCurves} can be told. */
export interface LearningCurvesOptions {
  /** Title. */
  readonly title?: string;
  /** Columns of the log to draw; all but `step` and `lr` unless told. */
  readonly columns?: readonly string[];
}

/** Mean and range over seeds at a step. */
interface CurvePoint {
  step: number;
  mean: number;
  low: number;
  high: number;
}

/**
 * Learning curves as SVG: losses in one panel, Dice scores in a second below it.
 *
 * @param logs the rows of one run, or of several runs that differ only in their seed: then each curve is
 *   the mean at the steps that all runs logged and the band reaches from the lowest to the highest run
 * @throws {EvalError} `eval.plot` when there is nothing to draw
 *
 * @example
 * ```ts
 * import { learningCurves } from "./learning_curves.ts";
 * import assert from "node:assert/strict";
 *
 * const svg = learningCurves([{ step: 1, loss: 1 }, { step: 2, loss: 0.5, val_dice: 0.4 }]);
 * assert.match(svg, /<title>Learning curves<\/title>/);
 * ```
 */
export function learningCurves(
  logs: readonly LogRow[] | readonly (readonly LogRow[])[],
  { title = "Learning curves", columns }: LearningCurvesOptions = {},
): string {
  const runs = (Array.isArray(logs[0]) ? logs : [logs]) as readonly (readonly LogRow[])[];
  const logged = [...new Set(runs.flatMap((rows) => rows.flatMap((row) => Object.keys(row))))];
  const chosen = columns ?? logged.filter((name) => name !== "step" && name !== "lr");
  const curves = chosen.map((name) => ({ name, points: curveOf(runs, name) }))
    .filter((curve) => curve.points.length > 0);
  if (curves.length === 0) {
    throw new EvalError("eval.plot", `the log has no finite numbers in columns [${chosen.join(", ")}]`, {
      fix: `Choose from [${logged.join(", ")}].`,
    });
  }
  const isDice = (name: string): boolean => /dice/i.test(name);
  const panels = [
    { label: "loss", curves: curves.filter((c) => !isDice(c.name)), domain: undefined },
    { label: "Dice", curves: curves.filter((c) => isDice(c.name)), domain: [0, 1] as const },
  ].filter((panel) => panel.curves.length > 0);
  const entries = panels.map((panel) =>
    panel.curves.map(({ name }, index) => ({ label: readable(name), index }))
  );
  const phases = laterLosses(curves.filter((c) => !isDice(c.name)));
  const seeds = runs.length > 1 ? `mean and range of ${runs.length} seeds` : "one run";
  const { svg, finish } = figure(
    title,
    576 + Math.max(...entries.map(legendWidth)),
    50 + panels.length * 230,
    `${chosen.join(", ")}; ${seeds}`,
  );
  const steps = d3.extent(curves.flatMap((c) => c.points.map((p) => p.step))) as [number, number];
  panels.forEach((panel, i) => {
    const box: PanelBox = { left: 70, right: 560, top: 36 + i * 230, bottom: 216 + i * 230 };
    const points = panel.curves.flatMap((c) => c.points);
    const range = panel.domain ??
      [Math.min(0, d3.min(points, (p) => p.low)!), d3.max(points, (p) => p.high)!];
    const x = d3.scaleLinear(steps[0] === steps[1] ? [steps[0] - 1, steps[1] + 1] : steps, [
      box.left,
      box.right,
    ]);
    const y = d3.scaleLinear(range[0] === range[1] ? [range[0], range[0] + 1] : range, [box.bottom, box.top])
      .nice();
    axes(svg, box, x, y, { x: "step", y: panel.label });
    panel.curves.forEach((curve, index) => drawCurve(svg, { ...curve, index }, x, y, runs.length > 1));
    for (const { step, names } of phases) {
      drawPhase(svg, box, x(step), i === 0 ? `${names.join(", ")} from step ${step}` : "");
    }
    legend(svg, 576, box.top + 8, entries[i]!);
  });
  return finish();
}

/** A column of the log in words: `val_dice_ct_liver` is the Dice of ct liver. */
function readable(column: string): string {
  if (column === "val_dice") return "mean";
  return column.replace(/^val_dice_/, "").replaceAll("_", " ");
}

/** The steps at which losses begin that the first step did not have, such as those on unlabelled images. */
function laterLosses(
  curves: readonly { name: string; points: readonly CurvePoint[] }[],
): { step: number; names: string[] }[] {
  const first = d3.min(curves, (c) => c.points[0]!.step);
  const later = curves.filter((c) => c.points[0]!.step !== first);
  return [...Map.groupBy(later, (c) => c.points[0]!.step)].map(([step, own]) => ({
    step,
    names: own.map((c) => readable(c.name)),
  }));
}

function drawPhase(svg: SvgSelection, box: PanelBox, x: number, text: string): void {
  svg.append("line").attr("x1", x).attr("x2", x).attr("y1", box.top).attr("y2", box.bottom)
    .attr("stroke", "#444").attr("stroke-dasharray", "3 3");
  const end = x > (box.left + box.right) / 2;
  svg.append("text").attr("x", end ? x - 4 : x + 4).attr("y", box.top + 10)
    .attr("text-anchor", end ? "end" : "start").text(text);
}

function curveOf(runs: readonly (readonly LogRow[])[], name: string): CurvePoint[] {
  const at = new Map<number, number[]>();
  for (const rows of runs) {
    for (const row of rows) {
      const value = Object.hasOwn(row, name) ? row[name]! : NaN; // a name such as "constructor" is no column
      if (!Number.isFinite(value)) continue;
      const values = at.get(row.step);
      if (values) values.push(value);
      else at.set(row.step, [value]);
    }
  }
  return [...at].filter(([, values]) => values.length === runs.length).sort((a, b) => a[0] - b[0])
    .map(([step, values]) => ({ step, mean: d3.mean(values)!, low: d3.min(values)!, high: d3.max(values)! }));
}

function drawCurve(
  svg: SvgSelection,
  { index, name, points }: { index: number; name: string; points: CurvePoint[] },
  x: d3.ScaleLinear<number, number>,
  y: d3.ScaleLinear<number, number>,
  band: boolean,
): void {
  const g = svg.append("g");
  g.append("title").text(name);
  if (band) {
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
      .attr("fill", color(index)).append("title").text(`${name}, step ${p.step}: ${p.mean.toPrecision(4)}`);
  });
}
