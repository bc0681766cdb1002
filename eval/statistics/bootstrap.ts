import { Random } from "../../tensor/random.ts";
import { percentile } from "../metrics/surface.ts";
import { requireFinite } from "./require_finite.ts";

/**
 * Bootstrap confidence interval of a mean, by percentiles of resampled means. The order of the values does not matter.
 *
 * @param values one a case
 * @param options `level` of confidence, number of `resamples`, `seed` of the draws
 * @returns lower and upper bound
 * @throws {EvalError} `eval.statistics` when a value is not finite or there is none
 *
 * @example
 * ```ts
 * import { bootstrapInterval } from "./bootstrap.ts";
 * import assert from "node:assert/strict";
 *
 * const [low, high] = bootstrapInterval([0.7, 0.8, 0.75, 0.9, 0.85]);
 * assert.ok(0.7 < low && low < 0.8 && 0.8 < high && high < 0.9);
 * ```
 */
export function bootstrapInterval(
  values: readonly number[],
  { level = 0.95, resamples = 10_000, seed = 0 }: { level?: number; resamples?: number; seed?: number } = {},
): [number, number] {
  requireFinite("bootstrapInterval", values);
  const sorted = values.toSorted((a, b) => a - b); // a draw picks a place: equal sets must have equal places
  const random = new Random(seed).child("bootstrap"), means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += sorted[random.integer(sorted.length)]!;
    means[r] = sum / values.length;
  }
  means.sort();
  return [percentile(means, 50 * (1 - level)), percentile(means, 50 * (1 + level))];
}
