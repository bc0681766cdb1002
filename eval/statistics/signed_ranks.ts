/** Differences ranked by size, with the sign of each. */
export interface SignedRanks {
  /** Rank of each difference that counts; ties share their mean rank. */
  readonly ranks: readonly number[];
  /** Whether that difference is positive. */
  readonly positive: readonly boolean[];
  /** Differences of exactly 0. */
  readonly zeros: number;
}

/**
 * Ranks absolute differences from the smallest.
 *
 * `pratt` ranks the zeros along and then leaves them out (Pratt, JASA 1959); `drop` leaves them out first.
 */
export function signedRanks(differences: readonly number[], zeros: "pratt" | "drop"): SignedRanks {
  const counted = zeros === "drop" ? differences.filter((d) => d !== 0) : [...differences];
  const order = counted.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  const ranks: number[] = [], positive: boolean[] = [];
  for (let first = 0; first < order.length;) {
    let next = first + 1;
    while (next < order.length && Math.abs(order[next]!) === Math.abs(order[first]!)) next++;
    for (let i = first; i < next; i++) {
      if (order[i] === 0) continue;
      ranks.push((first + 1 + next) / 2);
      positive.push(order[i]! > 0);
    }
    first = next;
  }
  return { ranks, positive, zeros: differences.filter((d) => d === 0).length };
}

/** Sum of the ranks of the positive differences. */
export function positiveRankSum({ ranks, positive }: SignedRanks): number {
  return ranks.reduce((sum, rank, i) => positive[i] ? sum + rank : sum, 0);
}
