import { EvalError } from "../errors.ts";
import type { LogRow } from "../report/log.ts";
import { type CurvePanel, curvePanels } from "./curve_panels.ts";

/** Columns of `timing.csv`, what they are called, and what one unit of the axis is. */
const panels = [
  { label: "seconds a step", unit: 1000, columns: { step_ms: "in all", wait_ms: "waiting for data" } },
  {
    label: "memory (GiB)",
    unit: 2 ** 30,
    columns: { process_bytes: "process", device_peak_bytes: "tensors, at most" },
  },
] as const;

/**
 * How long the steps of a training took and how much memory it held, as SVG. Where another process went on with the
 * training there is a line.
 *
 * @param timing the rows of a run's `timing.csv`
 * @throws {EvalError} `eval.plot` when there are none
 */
export function trainingPace(
  timing: readonly LogRow[],
  { compact = false }: { readonly compact?: boolean } = {},
): string {
  if (timing.length === 0) {
    throw new EvalError("eval.plot", "no times were recorded", { fix: "Give the rows of a timing.csv." });
  }
  const drawn = panels.map(({ label, unit, columns }): CurvePanel => ({
    label,
    curves: Object.entries(columns).flatMap(([column, label]) => {
      const points = timing.filter((row) => row[column] !== undefined).map((row) => {
        const value = row[column]! / unit;
        return { step: row.step, mean: value, low: value, high: value };
      });
      return points.length > 0 ? [{ label, points }] : [];
    }),
  }));
  const resumed = timing.filter((row, i) => i > 0 && row.session !== timing[i - 1]!.session);
  return curvePanels({
    title: "Time and memory",
    description: "seconds a step and memory over the steps of the training",
    panels: drawn.filter(({ curves }) => curves.length > 0),
    phases: resumed.map(({ step }) => ({ step, text: "resumed" })),
    hasBands: false,
    compact,
  });
}
