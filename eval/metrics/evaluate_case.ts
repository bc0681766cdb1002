import type { CaseRecord, ClassStatus } from "./case_record.ts";
import { diagonalMm, type LabelClass, type LabelGrid, type LabelPair, pairLabels } from "./label_grid.ts";
import { lesionCounts, lesionF1 } from "./lesions.ts";
import { type EvaluationPolicy, resolvePolicy } from "./policy.ts";
import { asd, assd, hausdorff, type MaskPair, surfaceDice, surfaceDistances } from "./surface.ts";
import { areaWeightedDistances } from "./surfel.ts";

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
  const rules = resolvePolicy(policy);
  const pair = pairLabels(`case ${id} (${modality})`, prediction, reference, classes);
  const extents = measureClasses(pair, classes.length);
  return classes.map((c, i) => ({
    case: id,
    modality,
    class: c.id,
    class_name: c.name,
    ...classNumbers(pair, extents[i]!, i + 1, rules),
  }));
}

/** Counts and bounding box of one class over both volumes. */
interface ClassExtent {
  both: number;
  predicted: number;
  referred: number;
  low: [number, number, number];
  high: [number, number, number];
}

/** One pass over both volumes for all classes. */
function measureClasses({ shape, prediction, reference }: LabelPair, classes: number): ClassExtent[] {
  const extents = Array.from({ length: classes }, (): ClassExtent => ({
    both: 0,
    predicted: 0,
    referred: 0,
    low: [Infinity, Infinity, Infinity],
    high: [-1, -1, -1],
  }));
  const grow = (extent: ClassExtent, z: number, y: number, x: number): void => {
    const { low, high } = extent;
    if (z < low[0]) low[0] = z;
    if (z > high[0]) high[0] = z;
    if (y < low[1]) low[1] = y;
    if (y > high[1]) high[1] = y;
    if (x < low[2]) low[2] = x;
    if (x > high[2]) high[2] = x;
  };
  let at = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++, at++) {
        const p = prediction[at]!, r = reference[at]!;
        if (p === 0 && r === 0) continue;
        if (p !== 0) {
          const extent = extents[p - 1]!;
          extent.predicted++;
          if (p === r) extent.both++;
          grow(extent, z, y, x);
        }
        if (r !== 0) {
          const extent = extents[r - 1]!;
          extent.referred++;
          if (p !== r) grow(extent, z, y, x);
        }
      }
    }
  }
  return extents;
}

type ClassNumbers = Omit<CaseRecord, "case" | "modality" | "class" | "class_name">;

function classNumbers(
  pair: LabelPair,
  extent: ClassExtent,
  index: number,
  policy: EvaluationPolicy,
): ClassNumbers {
  const { both, predicted, referred } = extent;
  const voxelMl = pair.spacing[0] * pair.spacing[1] * pair.spacing[2] / 1000;
  const ratio = (part: number, whole: number): number | null => whole === 0 ? null : part / whole;
  const status = statusOf(predicted, referred);
  const masks = status === "absent" ? undefined : cropClass(pair, extent, index);
  const parts = masks === undefined ? undefined : lesionCounts(masks);
  return {
    status,
    dice: ratio(2 * both, predicted + referred),
    iou: ratio(both, predicted + referred - both),
    precision: ratio(both, predicted),
    recall: ratio(both, referred),
    volume_pred_ml: predicted * voxelMl,
    volume_ref_ml: referred * voxelMl,
    volume_difference_ml: status === "absent" ? null : (predicted - referred) * voxelMl,
    ...(status === "found" ? surfaceNumbers(masks!, policy) : unmatchedNumbers(pair, status, policy)),
    lesion_f1: status === "absent" ? null : status === "found" ? lesionF1(parts!) : 0,
    lesions_pred: parts?.predicted ?? 0,
    lesions_ref: parts?.reference ?? 0,
    n_pred: predicted,
    n_ref: referred,
  };
}

function statusOf(predicted: number, referred: number): ClassStatus {
  if (referred === 0) return predicted === 0 ? "absent" : "false-positive";
  return predicted === 0 ? "missed" : "found";
}

type SurfaceNumbers = Pick<
  CaseRecord,
  | "asd_pred_to_ref_mm"
  | "asd_ref_to_pred_mm"
  | "assd_mm"
  | "assd_mean_mm"
  | "assd_area_mm"
  | "hd_mm"
  | "hd95_mm"
  | "nsd"
>;

function surfaceNumbers(masks: MaskPair, policy: EvaluationPolicy): SurfaceNumbers {
  const distances = surfaceDistances(masks);
  const forward = asd(distances.predictionToReference), back = asd(distances.referenceToPrediction);
  return {
    asd_pred_to_ref_mm: forward,
    asd_ref_to_pred_mm: back,
    assd_mm: assd(distances),
    assd_mean_mm: (forward + back) / 2,
    assd_area_mm: areaWeightedDistances(masks).symmetric,
    hd_mm: hausdorff(distances, 100),
    hd95_mm: hausdorff(distances, 95),
    nsd: surfaceDice(distances, policy.nsdToleranceMm),
  };
}

/** What the policy makes of a class that one volume or both lack. */
function unmatchedNumbers(pair: LabelPair, status: ClassStatus, policy: EvaluationPolicy): SurfaceNumbers {
  const miss = status === "absent" || policy.missDistance === "undefined"
    ? null
    : diagonalMm(pair.shape, pair.spacing);
  return {
    asd_pred_to_ref_mm: miss,
    asd_ref_to_pred_mm: miss,
    assd_mm: miss,
    assd_mean_mm: miss,
    assd_area_mm: miss,
    hd_mm: miss,
    hd95_mm: miss,
    nsd: status === "absent" ? null : 0,
  };
}

/** The masks of one class in the box that holds it in both volumes; no distance changes by the crop. */
function cropClass(pair: LabelPair, { low, high }: ClassExtent, index: number): MaskPair {
  const shape = [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1] as const;
  const voxels = shape[0] * shape[1] * shape[2];
  const prediction = new Uint8Array(voxels), reference = new Uint8Array(voxels);
  let to = 0;
  for (let z = low[0]; z <= high[0]; z++) {
    for (let y = low[1]; y <= high[1]; y++) {
      let from = (z * pair.shape[1] + y) * pair.shape[2] + low[2];
      for (let x = low[2]; x <= high[2]; x++, from++, to++) {
        if (pair.prediction[from] === index) prediction[to] = 1;
        if (pair.reference[from] === index) reference[to] = 1;
      }
    }
  }
  return { shape, spacing: pair.spacing, prediction, reference };
}
