import { type Metric, metrics } from "../metrics/metrics.ts";
import type { RunRecord } from "./run_record.ts";
import { baselineOf } from "./baseline.ts";
import { classKey, distinctClasses, type NamedClass } from "./class_labels.ts";
import { average } from "./summarise.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { rankBiserial } from "./effect_size.ts";
import { holm } from "./holm.ts";
import { pairedPermutation } from "./permutation.ts";
import { wilcoxonSignedRank } from "./wilcoxon.ts";

/** A method against a baseline on the same cases. */
export interface Comparison {
  /** The method. */
  readonly method: string;
  /** What it is compared with. */
  readonly baseline: string;
  /** Label ratio of both. */
  readonly label_ratio: number;
  /** Modality; `null` over all of them. */
  readonly modality: string | null;
  /** The class; `null` over all of them. */
  readonly structure: NamedClass | null;
  /** The metric. */
  readonly metric: Metric;
  /** Cases that both have. */
  readonly n: number;
  /** Cases that only one of the two has a number for. */
  readonly unpaired: number;
  /** Mean of method minus baseline over the cases. */
  readonly mean_difference: number | null;
  /** 95 % bootstrap interval of that mean. */
  readonly interval: readonly [number, number] | null;
  /** Two-sided p of the Wilcoxon signed-rank test; `null` below six cases. */
  readonly p_wilcoxon: number | null;
  /** Two-sided p of the paired permutation test; `null` below six cases. */
  readonly p_permutation: number | null;
  /** The Wilcoxon p after Holm's correction over all comparisons made together. */
  readonly p_holm: number | null;
  /** How many comparisons that correction is over: those made together that have a p. */
  readonly tests: number;
  /** Matched-pairs rank-biserial correlation, −1 to 1; positive when the method's numbers are larger. */
  readonly effect: number | null;
  /** Cases in which the method is better. */
  readonly better: number;
  /** Mean difference of each seed that both ran. */
  readonly seeds: readonly { readonly seed: number; readonly difference: number }[];
}

/** What {@link compareMethods} can be told. */
export interface CompareOptions {
  /** The method to compare with; of one that a sweep ran with several settings, the row with the same settings. */
  readonly baseline: string;
  /** The metrics; Dice unless told. */
  readonly metrics?: readonly Metric[];
}

/**
 * Compares every method with a baseline in each metric: over all classes and modalities, then for each of them.
 *
 * The sample is the case: a case's number is first averaged over seeds (and, for `all`, over classes and
 * modalities), since seeds of one case are not independent cases. Holm's correction covers everything that
 * one call returns, all metrics together: what is shown in one table is given to one call.
 */
export function compareMethods(
  records: readonly RunRecord[],
  { baseline, metrics: compared = ["dice"] }: CompareOptions,
): Comparison[] {
  const distinct = <K extends keyof RunRecord>(
    key: K,
  ): RunRecord[K][] => [...new Set(records.map((r) => r[key]))];
  const scopes: Pick<Comparison, "modality" | "structure">[] = [
    { modality: null, structure: null },
    ...distinct("modality").flatMap((modality) =>
      distinctClasses(records).map((structure) => ({ modality, structure }))
    ),
  ];
  const methods = distinct("method");
  const results = compared.flatMap((metric) =>
    distinct("label_ratio").flatMap((label_ratio) =>
      methods.flatMap((method) => {
        const against = baselineOf(method, baseline, methods);
        if (against === undefined) return [];
        return scopes.flatMap((scope) => {
          const own = records.filter((r) => r.label_ratio === label_ratio && isIn(scope, r));
          const a = own.filter((r) => r.method === method), b = own.filter((r) => r.method === against);
          if (a.length === 0 || b.length === 0) return [];
          const pairs = comparePaired(a, b, metric);
          return [{ method, baseline: against, label_ratio, ...scope, metric, ...pairs }];
        });
      })
    )
  );
  const p = results.map((r) => r.p_wilcoxon), adjusted = holm(p);
  const tests = p.filter((value) => value !== null).length;
  return results.map((result, i) => ({ ...result, p_holm: adjusted[i]!, tests }));
}

/** Whether a record belongs to a modality and class; `null` takes all. */
export function isIn(
  { modality, structure }: Pick<Comparison, "modality" | "structure">,
  record: RunRecord,
): boolean {
  return (modality === null || record.modality === modality) &&
    (structure === null || classKey(record) === classKey(structure));
}

type PairedNumbers = Omit<
  Comparison,
  "method" | "baseline" | "label_ratio" | "modality" | "structure" | "metric" | "p_holm" | "tests"
>;

function comparePaired(a: readonly RunRecord[], b: readonly RunRecord[], metric: Metric): PairedNumbers {
  const pairs = pairByCase(a, b, metric);
  const differences = pairs.map((pair) => pair.a - pair.b);
  const cases = new Set([...a, ...b].filter((r) => r[metric] !== null).map((r) => r.case)).size;
  const seeds = [...new Set(a.map((r) => r.seed))].filter((seed) => b.some((r) => r.seed === seed))
    .toSorted((x, y) => x - y).flatMap((seed) => {
      const of = pairByCase(a.filter((r) => r.seed === seed), b.filter((r) => r.seed === seed), metric);
      const difference = average(of.map((pair) => pair.a - pair.b));
      return difference === null ? [] : [{ seed, difference }];
    });
  const none = differences.length === 0;
  const sign = metrics[metric].better === "higher" ? 1 : -1;
  const better = metrics[metric].better === "near-zero"
    ? pairs.filter((pair) => Math.abs(pair.a) < Math.abs(pair.b))
    : pairs.filter((pair) => sign * (pair.a - pair.b) > 0);
  return {
    n: pairs.length,
    unpaired: cases - pairs.length,
    mean_difference: average(differences),
    interval: none ? null : bootstrapInterval(differences),
    p_wilcoxon: none ? null : wilcoxonSignedRank(differences).p,
    p_permutation: none ? null : pairedPermutation(differences).p,
    effect: none ? null : rankBiserial(differences),
    better: better.length,
    seeds,
  };
}

/**
 * The cases both sides have, by code point of their ids, each with its mean over what both sides have of it.
 */
export function pairByCase(
  a: readonly RunRecord[],
  b: readonly RunRecord[],
  metric: Metric,
): { case: string; a: number; b: number }[] {
  const meanOf = (records: readonly RunRecord[]): Map<string, Map<string, number>> => {
    const values = new Map<string, Map<string, number[]>>();
    for (const r of records) {
      if (r[metric] === null) continue;
      const structures = values.get(r.case) ?? new Map<string, number[]>();
      const key = JSON.stringify([r.modality, r.class, r.class_name]);
      structures.set(key, [...(structures.get(key) ?? []), r[metric]!]);
      values.set(r.case, structures);
    }
    return new Map(
      [...values].map((
        [id, structures],
      ) => [id, new Map([...structures].map(([key, v]) => [key, average(v)!]))]),
    );
  };
  const left = meanOf(a), right = meanOf(b);
  return [...left].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([id, structures]) => {
    const other = right.get(id);
    const shared = [...structures.keys()].filter((key) => other?.has(key));
    if (other === undefined || shared.length === 0) return [];
    return [{
      case: id,
      a: average(shared.map((key) => structures.get(key)!))!,
      b: average(shared.map((key) => other.get(key)!))!,
    }];
  });
}
