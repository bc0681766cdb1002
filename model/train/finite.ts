/**
 * Stops a training at the first number that is not one.
 *
 * @module
 */

import { NumericError } from "../../tensor/errors.ts";

/**
 * Refuses NaN and infinity in what a step reports.
 *
 * @throws {NumericError} `train.nonfinite` naming the step, the terms and the cases
 */
export function requireFinite(
  step: number,
  report: Readonly<Record<string, number>>,
  cases: readonly string[],
): void {
  const bad = Object.entries(report).filter(([, value]) => !Number.isFinite(value));
  if (bad.length === 0) return;
  throw new NumericError(
    "train.nonfinite",
    `step ${step}: ${bad.map(([name, value]) => `${name} is ${value}`).join(", ")} (cases ${
      cases.join(", ")
    })`,
    {
      fix:
        "Check these images for extreme values, or lower the learning rate; the last checkpoint is intact.",
    },
  );
}
