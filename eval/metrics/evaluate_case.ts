import { boundedDistance } from "./bounded_distance.ts";
import type { CaseRecord, ClassStatus, MetricValues } from "./case_record.ts";
import { type ClassPair, classPairs } from "./class_pair.ts";
import { type LabelClass, type LabelGrid, pairLabels } from "./label_grid.ts";
import type { MetricRow } from "./metric_row.ts";
import { type Metric, metricNames, metrics } from "./metrics.ts";
import { type EvaluationPolicy, resolvePolicy } from "./policy.ts";
import { hausdorff } from "./surface.ts";

/** One case to judge. */
export interface CaseToEvaluate {
  /** Case id. */
  readonly case: string;
  /** Modality whose prediction this is. */
  readonly modality: string;
  /** Predicted labels, on the grid of the reference. */
  readonly prediction: LabelGrid;
  /** Reference labels. */
  readonly reference: LabelGrid;
  /** The foreground classes. */
  readonly classes: readonly LabelClass[];
}

/**
 * Judges one predicted label volume against its reference: one record a class, in the order of the classes.
 *
 * @param policy choices that differ from `defaultPolicy`
 * @throws {EvalError} when the volumes do not share a grid or hold values outside the class list
 *
 * @example
 * ```ts
 * import { evaluateCase } from "./evaluate_case.ts";
 * import { ndarray } from "../deps.ts";
 * import assert from "node:assert/strict";
 *
 * const grid = (...voxels: number[]) => ({
 *   array: ndarray(Uint8Array.from(voxels), [1, 1, 4]),
 *   spacing: [1, 1, 2] as const,
 * });
 * const [tumour] = evaluateCase({
 *   case: "a",
 *   modality: "ct",
 *   prediction: grid(0, 0, 1, 0),
 *   reference: grid(0, 1, 1, 0),
 *   classes: [{ id: 1, name: "tumour" }],
 * });
 * assert.equal(tumour!.dice, 2 / 3);
 * assert.equal(tumour!.asd_ref_to_pred_mm, 1);
 * ```
 */
export function evaluateCase(
  { case: id, modality, prediction, reference, classes }: CaseToEvaluate,
  policy: Partial<EvaluationPolicy> = {},
): CaseRecord[] {
  const rules = resolvePolicy(policy), where = `case ${id} (${modality})`;
  const pair = pairLabels(where, prediction, reference, classes);
  return classPairs(pair, classes.map((c) => c.name), where).map((of, i) => {
    const status = statusOf(of);
    return {
      case: id,
      modality,
      class: classes[i]!.id,
      class_name: classes[i]!.name,
      status,
      ...valuesOf(of, status, rules),
      volume_pred_ml: of.predicted * of.voxelMl,
      volume_ref_ml: of.referred * of.voxelMl,
      lesions_pred: status === "absent" ? 0 : of.parts().predicted,
      lesions_ref: status === "absent" ? 0 : of.parts().reference,
      n_pred: of.predicted,
      n_ref: of.referred,
    };
  });
}

function statusOf({ predicted, referred }: ClassPair): ClassStatus {
  if (referred === 0) return predicted === 0 ? "absent" : "false-positive";
  return predicted === 0 ? "missed" : "found";
}

function valuesOf(pair: ClassPair, status: ClassStatus, policy: EvaluationPolicy): MetricValues {
  const values = {} as Record<Metric, number | null>;
  for (const key of metricNames) values[key] = valueOf(key, metrics[key], pair, status, policy);
  return values;
}

function valueOf(
  key: Metric,
  row: MetricRow,
  pair: ClassPair,
  status: ClassStatus,
  policy: EvaluationPolicy,
): number | null {
  if (status === "absent") return null;
  if (status !== "found" && row.whenMissed !== "compute") {
    if (row.whenMissed !== "distance") return row.whenMissed;
    return policy.missDistance === "diagonal" ? pair.diagonalMm : null;
  }
  const value = row.compute(pair, policy);
  if (value === null || row.unit !== "mm" || status !== "found") return value;
  const { largest, operands } = bounds(pair, row);
  return boundedDistance(`${pair.where}, ${key}`, value, largest, operands);
}

/** The largest distance that a metric in mm is over, and what its value comes from. */
function bounds(
  pair: ClassPair,
  { basis }: MetricRow,
): { largest: number; operands: () => Record<string, number> } {
  if (basis === "elements") {
    const { largest, moment, area } = pair.elements();
    return { largest, operands: () => ({ moment, area }) };
  }
  const distances = pair.distances(),
    { predictionToReference: forward, referenceToPrediction: back } = distances;
  const operands = () => ({
    "prediction voxels": forward.length,
    "sum of their distances": forward.reduce((a, b) => a + b, 0),
    "reference voxels": back.length,
    "sum of theirs": back.reduce((a, b) => a + b, 0),
  });
  return { largest: hausdorff(distances, 100), operands };
}
