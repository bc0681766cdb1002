import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import type { LogRow } from "../report/log.ts";
import { type CurvePanel, curvePanels, type CurvePoint, type Phase } from "./curve_panels.ts";

/** What {@link learningCurves} can be told. */
export interface LearningCurvesOptions {
  /** Title. */
  readonly title?: string;
  /** Columns of the log to draw; all but `step` and `lr` unless told. */
  readonly columns?: readonly string[];
  /** For narrow screens: 400 px wide, with the legends below. */
  readonly compact?: boolean;
}

/**
 * Learning curves as SVG: losses in one panel, Dice scores in a second below it. Of more than 400 steps, neighbours are
 * averaged.
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
  { title = "Learning curves", columns, compact = false }: LearningCurvesOptions = {},
): string {
  const runs = (Array.isArray(logs[0]) ? logs : [logs]) as readonly (readonly LogRow[])[];
  const logged = [...new Set(runs.flatMap((rows) => rows.flatMap((row) => Object.keys(row))))];
  const chosen = columns ?? logged.filter((name) => name !== "step" && name !== "lr");
  const curves = chosen.map((name) => ({ name, label: readable(name), points: curveOf(runs, name) }))
    .filter((curve) => curve.points.length > 0);
  if (curves.length === 0) {
    throw new EvalError("eval.plot", `the log has no finite numbers in columns [${chosen.join(", ")}]`, {
      fix: `Choose from [${logged.join(", ")}].`,
    });
  }
  const isDice = ({ name }: { name: string }): boolean => /dice/i.test(name);
  const losses = curves.filter((c) => !isDice(c));
  const panels: readonly CurvePanel[] = [
    { label: "loss", curves: losses },
    { label: "Dice", curves: curves.filter(isDice), domain: [0, 1] },
  ];
  const seeds = runs.length > 1 ? `mean and range of ${runs.length} seeds` : "one run";
  return curvePanels({
    title,
    description: `${chosen.join(", ")}; ${seeds}`,
    panels: panels.filter((panel) => panel.curves.length > 0),
    phases: laterLosses(losses),
    hasBands: runs.length > 1,
    compact,
  });
}

/** A column of the log in words: `val_dice_ct_liver` is the Dice of ct liver. */
function readable(column: string): string {
  if (column === "val_dice") return "mean";
  return column.replace(/^val_dice_/, "").replaceAll("_", " ");
}

/** The steps at which losses begin that the first step did not have, such as those on unlabelled images. */
function laterLosses(losses: CurvePanel["curves"]): Phase[] {
  const first = d3.min(losses, (c) => c.points[0]!.step);
  const later = losses.filter((c) => c.points[0]!.step !== first);
  return [...Map.groupBy(later, (c) => c.points[0]!.step)].map(([step, own]) => ({
    step,
    text: `${own.map((c) => c.label).join(", ")} from step ${step}`,
  }));
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
