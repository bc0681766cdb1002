import { positiveRankSum, signedRanks } from "./signed_ranks.ts";
import { requireFinite } from "./require_finite.ts";

/**
 * Matched-pairs rank-biserial correlation: the share of rank sum in favour minus the share against, from
 * −1 to 1 (Kerby, 2014). 0 when all pairs are equal.
 *
 * @throws {EvalError} `eval.statistics` when a difference is not finite
 *
 * @example
 * ```ts
 * import { rankBiserial } from "./effect_size.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(rankBiserial([3, 2, -1]), (3 + 2 - 1) / 6);
 * ```
 */
export function rankBiserial(differences: readonly number[]): number {
  requireFinite("rankBiserial", differences);
  const signed = signedRanks(differences, "drop");
  const total = signed.ranks.reduce((a, b) => a + b, 0);
  return total === 0 ? 0 : (2 * positiveRankSum(signed) - total) / total;
}

/**
 * Standardised mean difference of pairs: mean over standard deviation (Cohen's d_z); `null` when the
 * differences do not vary.
 *
 * @throws {EvalError} `eval.statistics` when a difference is not finite
 */
export function cohenDz(differences: readonly number[]): number | null {
  requireFinite("cohenDz", differences);
  const n = differences.length, mean = differences.reduce((a, b) => a + b, 0) / n;
  const sd = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1));
  return sd > 0 ? mean / sd : null;
}
