/**
 * "Did you mean": the known name nearest to a mistyped one.
 *
 * @module
 */

/** Edit distance that counts a swap of neighbours as one, for "did you mean". */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}

/** The known name nearest to a mistyped one, if any is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known.map((candidate) => [distance(name, candidate), candidate] as const).sort(([a], [b]) =>
    a - b
  );
  return best && best[0] <= Math.max(2, name.length / 3) ? best[1] : undefined;
}

/** What to do about a value that is none of some words. */
export function didYouMean(value: unknown, words: readonly string[]): string {
  const guess = typeof value === "string" ? nearest(value, words) : undefined;
  return guess === undefined ? "Choose one of these." : `Did you mean ${JSON.stringify(guess)}?`;
}
