import { type Metric, metrics } from "../metrics/metrics.ts";
import { average } from "./summarise.ts";
import type { RunRecord } from "./run_record.ts";

/** The places of a method among others, one a case. */
export interface MethodRanks {
  /** The method. */
  readonly method: string;
  /** Its place in each case, 1 for the best; equal methods share the mean of their places. */
  readonly ranks: readonly number[];
}

/**
 * Ranks methods in every case that all of them have, after averaging a case's number over seeds, classes and
 * modalities that all of them have there. The order of the cases is that of their ids.
 */
export function rankMethods(records: readonly RunRecord[], metric: Metric): MethodRanks[] {
  const methods = [...new Set(records.map((r) => r.method))];
  const defined = records.filter((r) => r[metric] !== null);
  const cases = [...Map.groupBy(defined, (r) => r.case)].sort(([a], [b]) => a < b ? -1 : 1);
  const ranks = cases.flatMap(([, own]) => {
    const scores = scoresOf(own, methods, metric);
    return scores === null ? [] : [placesOf(scores.map((score) => merit(score, metric)))];
  });
  return methods.map((method, m) => ({ method, ranks: ranks.map((places) => places[m]!) }));
}

/** The ranks within each label ratio at which two methods or more were tested on one case, the smallest first. */
export function rankWithinRatios(
  records: readonly RunRecord[],
  metric: Metric,
): { readonly label_ratio: number; readonly methods: readonly MethodRanks[] }[] {
  return [...Map.groupBy(records, (r) => r.label_ratio)].sort(([a], [b]) => a - b)
    .map(([label_ratio, own]) => ({ label_ratio, methods: rankMethods(own, metric) }))
    .filter(({ methods }) => methods.length > 1 && methods[0]!.ranks.length > 0);
}

/** The mean of each method over the structures that all of them have; null when there is none. */
function scoresOf(own: readonly RunRecord[], methods: readonly string[], metric: Metric): number[] | null {
  const structures = [
    ...Map.groupBy(own, (r) => JSON.stringify([r.modality, r.class, r.class_name])).values(),
  ];
  const rows = structures.flatMap((of) => {
    const means = methods.map((method) =>
      average(of.filter((r) => r.method === method).map((r) => r[metric]!))
    );
    return means.every((mean) => mean !== null) ? [means] : [];
  });
  return rows.length === 0 ? null : methods.map((_, m) => average(rows.map((row) => row[m]!))!);
}

/** Larger is better. */
function merit(value: number, metric: Metric): number {
  const { better } = metrics[metric];
  return better === "higher" ? value : better === "lower" ? -value : -Math.abs(value);
}

function placesOf(merits: readonly number[]): number[] {
  return merits.map((own) => {
    const above = merits.filter((other) => other > own).length,
      equal = merits.filter((other) => other === own).length;
    return above + (equal + 1) / 2;
  });
}
