import type { CaseRecord } from "../metrics/case_record.ts";
import { type Metric, metricNames } from "../metrics/metrics.ts";
import { EvalError } from "../errors.ts";
import { percentile } from "../metrics/surface.ts";

/** How one metric is distributed over the cases of a group. */
export interface MetricSummary {
  /** Mean over the cases where the metric is defined; `null` when there is none. */
  readonly mean: number | null;
  /** Standard deviation (n − 1); `null` below two cases. */
  readonly sd: number | null;
  /** Median. */
  readonly median: number | null;
  /** Cases the mean is over. */
  readonly n: number;
  /** Mean over the cases whose class was found, misses and false positives left out. */
  readonly mean_found: number | null;
  /** Cases that mean is over. */
  readonly n_found: number;
}

/** The records that share the values of some columns. */
export interface GroupSummary {
  /** The shared values, by column. */
  readonly group: Readonly<Record<string, string | number>>;
  /** Records in the group. */
  readonly cases: number;
  /** Records whose class is in neither volume; they count in no mean. */
  readonly absent: number;
  /** Records whose class is only in the reference. */
  readonly missed: number;
  /** Records whose class is only in the prediction. */
  readonly false_positive: number;
  /** The metrics over the group. */
  readonly metrics: Readonly<Record<Metric, MetricSummary>>;
}

/** Means over cases by group, and over groups. */
export interface Summary {
  /** Mean of the group means, over the groups with at least one valid case; `null` where there is none. */
  readonly mean: Readonly<Record<Metric, number | null>>;
  /** Groups behind each of those means. */
  readonly groups_in_mean: Readonly<Record<Metric, number>>;
  /** The groups, in the order they first appear. */
  readonly groups: readonly GroupSummary[];
}

/** A column of a record that can name a group. */
export type GroupKey<R> = { [K in keyof R]: R[K] extends string | number ? K : never }[keyof R] & string;

/**
 * Means, spread and misses by group; by default for each class in each modality, told apart by label value.
 *
 * A mean over nothing is `null`, never a number, and a group without a valid case takes no part in the mean
 * of the groups.
 *
 * @throws {EvalError} `eval.records` when there are no records
 *
 * @example
 * ```ts
 * import { evaluateCase } from "../metrics/evaluate_case.ts";
 * import { ndarray } from "../deps.ts";
 * import { summarise } from "./summarise.ts";
 * import assert from "node:assert/strict";
 *
 * const grid = (voxels: number[]) => ({
 *   array: ndarray(Uint8Array.from(voxels), [1, 1, 3]),
 *   spacing: [1, 1, 1] as const,
 * });
 * const classes = [{ id: 1, name: "liver" }];
 * const records = ["a", "b"].flatMap((id) =>
 *   evaluateCase({ case: id, modality: "mr", prediction: grid([0, 1, 0]), reference: grid([1, 1, 0]), classes })
 * );
 * assert.equal(summarise(records).mean.dice, 2 / 3);
 * ```
 */
export function summarise<R extends CaseRecord>(
  records: readonly R[],
  { by = ["modality", "class", "class_name"] }: { by?: readonly (GroupKey<R> | GroupKey<CaseRecord>)[] } = {},
): Summary {
  if (records.length === 0) {
    throw new EvalError("eval.records", "there are no records to summarise", {
      fix: "Evaluate at least one case.",
    });
  }
  const members = new Map<string, R[]>();
  for (const record of records) {
    const key = JSON.stringify(by.map((column) => record[column]));
    const group = members.get(key);
    if (group) group.push(record);
    else members.set(key, [record]);
  }
  const groups = [...members.values()].map((group) => summariseGroup(group, by));
  const mean = {} as Record<Metric, number | null>, used = {} as Record<Metric, number>;
  for (const metric of metricNames) {
    const means = groups.map((g) => g.metrics[metric].mean).filter((m) => m !== null);
    mean[metric] = average(means);
    used[metric] = means.length;
  }
  return { mean, groups_in_mean: used, groups };
}

function summariseGroup<R extends CaseRecord>(
  records: R[],
  by: readonly (GroupKey<R> | GroupKey<CaseRecord>)[],
): GroupSummary {
  const count = (status: CaseRecord["status"]): number => records.filter((r) => r.status === status).length;
  const summaries = {} as Record<Metric, MetricSummary>;
  for (const metric of metricNames) {
    const defined = records.filter((r) => r[metric] !== null);
    const values = defined.map((r) => r[metric]!);
    const found = defined.filter((r) => r.status === "found").map((r) => r[metric]!);
    summaries[metric] = {
      ...describe(values),
      mean_found: average(found),
      n_found: found.length,
    };
  }
  return {
    group: Object.fromEntries(by.map((column) => [column, records[0]![column] as string | number])),
    cases: records.length,
    absent: count("absent"),
    missed: count("missed"),
    false_positive: count("false-positive"),
    metrics: summaries,
  };
}

/** Mean, standard deviation, median and count of some numbers; `null` where there are too few. */
export function describe(
  values: readonly number[],
): { mean: number | null; sd: number | null; median: number | null; n: number } {
  const n = values.length;
  const mean = average(values);
  const ascending = values.toSorted((a, b) => a - b);
  return {
    mean,
    sd: n < 2 ? null : Math.sqrt(ascending.reduce((sum, v) => sum + (v - mean!) ** 2, 0) / (n - 1)),
    median: n === 0 ? null : percentile(ascending, 50),
    n,
  };
}

/** The mean of some numbers, `null` of none; to the last bit the same in whatever order they come. */
export function average(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return values.toSorted((a, b) => a - b).reduce((sum, v) => sum + v, 0) / values.length;
}
