import type { ClassPair } from "./class_pair.ts";
import type { EvaluationPolicy } from "./policy.ts";

/** What the numbers of some metrics stand on; each basis is defined once in a caption. */
export type MetricBasis = "voxels" | "surface" | "elements" | "parts";

/** Everything the program knows of a metric: records, tables, captions, plots, CSV, JSON and tests read it here. */
export interface MetricRow {
  /** What tables and axes call it. */
  readonly label: string;
  /** Unit; empty for a plain number. */
  readonly unit: "" | "mm" | "ml";
  /** Digits after the dot in tables. */
  readonly digits: number;
  /** Which numbers are better. */
  readonly better: "higher" | "lower" | "near-zero";
  /** Smallest and largest value there can be, where a metric is bounded: the axis of a plot. */
  readonly range?: readonly [number, number];
  /** What it stands on. */
  readonly basis: MetricBasis;
  /** What it is, in a few words. */
  readonly definition: (policy: EvaluationPolicy) => string;
  /** Its value where both volumes hold the class; `null` where it is undefined. */
  readonly compute: (pair: ClassPair, policy: EvaluationPolicy) => number | null;
  /**
   * Its value where only one volume holds the class: what `compute` gives, the distance that the policy charges, or
   * a number. Where neither holds it every metric is `null`.
   */
  readonly whenMissed: "compute" | "distance" | number;
}
