import { positiveRankSum, signedRanks } from "./signed_ranks.ts";
import { requireFinite } from "./require_finite.ts";

/** Result of a {@link wilcoxonSignedRank} test. */
export interface WilcoxonResult {
  /** Pairs, zeros included. */
  readonly n: number;
  /** Sum of the ranks of the positive differences. */
  readonly rank_sum: number;
  /** Two-sided p; `null` below six pairs, where no p could be small. */
  readonly p: number | null;
  /** How p was found: by the exact distribution (up to 50 pairs) or its normal approximation. */
  readonly method: "exact" | "normal";
}

/** Pairs from which a p-value is worth printing. */
export const fewestPairs = 6;

const mostExactPairs = 50;

/**
 * Wilcoxon signed-rank test of paired differences, two-sided.
 *
 * Up to 50 pairs p is exact, ties and zeros included: every assignment of signs to the ranks at hand counts
 * alike. Beyond that the normal approximation with the tie correction is used, without continuity
 * correction.
 *
 * @param differences one a pair, such as Dice of method a minus Dice of method b on the same case
 * @throws {EvalError} `eval.statistics` when a difference is not finite
 *
 * @example
 * ```ts
 * import { wilcoxonSignedRank } from "./wilcoxon.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(wilcoxonSignedRank([1, 2, 3, 4, 5, 6]).p, 2 / 2 ** 6);
 * ```
 */
export function wilcoxonSignedRank(
  differences: readonly number[],
  { zeros = "pratt" }: { zeros?: "pratt" | "drop" } = {},
): WilcoxonResult {
  requireFinite("wilcoxonSignedRank", differences);
  const signed = signedRanks(differences, zeros);
  const rankSum = positiveRankSum(signed);
  const exact = differences.length <= mostExactPairs;
  const p = differences.length < fewestPairs
    ? null
    : exact
    ? exactP(signed.ranks, rankSum)
    : normalP(signed.ranks, rankSum);
  return { n: differences.length, rank_sum: rankSum, p, method: exact ? "exact" : "normal" };
}

/** Two-sided p by counting sign assignments; ranks are halves at most, so twice the sum is a whole number. */
function exactP(ranks: readonly number[], rankSum: number): number {
  const doubled = ranks.map((rank) => 2 * rank), total = doubled.reduce((a, b) => a + b, 0);
  let share = new Float64Array(total + 1); // probability of each doubled sum
  share[0] = 1;
  for (const rank of doubled) {
    const next = new Float64Array(total + 1);
    for (let s = 0; s <= total; s++) next[s] = 0.5 * (share[s]! + (s >= rank ? share[s - rank]! : 0));
    share = next;
  }
  const seen = Math.round(2 * rankSum);
  let below = 0, above = 0;
  for (let s = 0; s <= seen; s++) below += share[s]!;
  for (let s = seen; s <= total; s++) above += share[s]!;
  return Math.min(1, 2 * Math.min(below, above));
}

/** Two-sided p by a normal with the mean and variance of the signed ranks at hand. */
function normalP(ranks: readonly number[], rankSum: number): number {
  const mean = ranks.reduce((a, b) => a + b, 0) / 2;
  const sd = Math.sqrt(ranks.reduce((sum, rank) => sum + rank * rank, 0)) / 2;
  return sd === 0 ? 1 : normalTails(Math.abs(rankSum - mean) / sd);
}

/** Probability that a standard normal is further from 0 than z, by the continued fraction of the tail. */
function normalTails(z: number): number {
  const density = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  if (z > 2) {
    let fraction = 0;
    for (let k = 200; k >= 1; k--) fraction = k / (z + fraction);
    return 2 * density / (z + fraction);
  }
  let term = z, sum = z; // Φ(z) − ½ = φ(z) (z + z³/3 + z⁵/15 + …)
  for (let k = 1; k < 200; k++) sum += term *= z * z / (2 * k + 1);
  return 1 - 2 * density * sum;
}
