/**
 * Holm's correction for several tests: the adjusted p-values, in the given order.
 *
 * A `null` (no test was possible) stays `null` and does not count as a test.
 *
 * @example
 * ```ts
 * import { holm } from "./holm.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(holm([0.01, null, 0.04, 0.03]), [0.03, null, 0.06, 0.06]);
 * ```
 */
export function holm(p: readonly (number | null)[]): (number | null)[] {
  const order = [...p.keys()].filter((i) => p[i] !== null).sort((a, b) => p[a]! - p[b]!);
  const adjusted: (number | null)[] = p.map(() => null);
  let largest = 0;
  order.forEach((at, rank) => {
    largest = Math.max(largest, Math.min(1, (order.length - rank) * p[at]!));
    adjusted[at] = largest;
  });
  return adjusted;
}
