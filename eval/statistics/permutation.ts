import { Random } from "../../tensor/random.ts";
import { requireFinite } from "./require_finite.ts";
import { fewestPairs } from "./wilcoxon.ts";

/** Result of a {@link pairedPermutation} test. */
export interface PermutationResult {
  /** Pairs. */
  readonly n: number;
  /** Mean difference. */
  readonly mean_difference: number;
  /** Two-sided p; `null` below six pairs. */
  readonly p: number | null;
  /** All sign assignments were counted (up to 16 pairs), or a seeded sample of them. */
  readonly method: "exact" | "sampled";
}

const mostExactPairs = 16;

/**
 * Paired permutation test of the mean difference, two-sided: under the null each pair could have come out
 * the other way round.
 *
 * Up to 16 pairs all sign assignments are counted; beyond, `resamples` random ones and the observed one.
 *
 * @throws {EvalError} `eval.statistics` when a difference is not finite
 *
 * @example
 * ```ts
 * import { pairedPermutation } from "./permutation.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(pairedPermutation([1, 1, 1, 1, 1, 1]).p, 2 / 2 ** 6);
 * ```
 */
export function pairedPermutation(
  given: readonly number[],
  { resamples = 10_000, seed = 0 }: { resamples?: number; seed?: number } = {},
): PermutationResult {
  requireFinite("pairedPermutation", given);
  const differences = given.toSorted((a, b) => a - b); // sampled signs go by place: the order given must not matter
  const n = differences.length;
  const observed = differences.reduce((a, b) => a + b, 0);
  const exact = n <= mostExactPairs;
  const sums = exact ? allSums(differences) : sampledSums(differences, resamples, seed);
  const slack = 1e-12 * differences.reduce((sum, d) => sum + Math.abs(d), 0); // sums in another order differ by rounding
  let below = 0, above = 0;
  for (const sum of sums) {
    if (sum <= observed + slack) below++;
    if (sum >= observed - slack) above++;
  }
  return {
    n,
    mean_difference: observed / n,
    p: n < fewestPairs ? null : Math.min(1, 2 * Math.min(below, above) / sums.length),
    method: exact ? "exact" : "sampled",
  };
}

function allSums(differences: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** differences.length);
  differences.forEach((d, i) => {
    for (let s = 0, half = 2 ** i; s < half; s++) {
      sums[half + s] = sums[s]! - d;
      sums[s]! += d;
    }
  });
  return sums;
}

function sampledSums(differences: readonly number[], resamples: number, seed: number): Float64Array {
  const random = new Random(seed).child("permutation"), sums = new Float64Array(resamples + 1);
  for (let r = 0; r < resamples; r++) {
    for (let i = 0, bits = 0; i < differences.length; i++, bits >>>= 1) {
      if (i % 32 === 0) bits = random.uint32();
      sums[r]! += (bits & 1) === 1 ? differences[i]! : -differences[i]!;
    }
  }
  sums[resamples] = differences.reduce((a, b) => a + b, 0);
  return sums;
}
