import { lesionF1 } from "./lesions.ts";
import type { MetricRow } from "./metric_row.ts";
import { asd, assd, hausdorff, surfaceDice } from "./surface.ts";

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** The names of all metrics, in the order of tables. */
export const metricNames = [
  "dice",
  "iou",
  "precision",
  "recall",
  "volume_difference_ml",
  "asd_pred_to_ref_mm",
  "asd_ref_to_pred_mm",
  "assd_mm",
  "assd_mean_mm",
  "assd_area_mm",
  "hd_mm",
  "hd95_mm",
  "nsd",
  "lesion_f1",
] as const;

/** Name of a metric: its column in a record. */
export type Metric = typeof metricNames[number];

/**
 * The metrics, one row each. A new metric is a new row and its name in the list above; records, tables, captions,
 * plots, files and statistics take it from here.
 */
export const metrics: { readonly [M in Metric]: MetricRow } = {
  dice: {
    label: "Dice",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "voxels",
    definition: () => "2·tp / (2·tp + fp + fn)",
    compute: ({ both, predicted, referred }) => share(2 * both, predicted + referred),
    whenMissed: 0,
  },
  iou: {
    label: "IoU",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "voxels",
    definition: () => "tp / (tp + fp + fn)",
    compute: ({ both, predicted, referred }) => share(both, predicted + referred - both),
    whenMissed: 0,
  },
  precision: {
    label: "Precision",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "voxels",
    definition: () => "tp / (tp + fp)",
    compute: ({ both, predicted }) => share(both, predicted),
    whenMissed: "compute",
  },
  recall: {
    label: "Recall",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "voxels",
    definition: () => "tp / (tp + fn)",
    compute: ({ both, referred }) => share(both, referred),
    whenMissed: "compute",
  },
  volume_difference_ml: {
    label: "ΔV",
    unit: "ml",
    digits: 2,
    better: "near-zero",
    basis: "voxels",
    definition: () => "predicted minus reference volume",
    compute: ({ predicted, referred, voxelMl }) => (predicted - referred) * voxelMl,
    whenMissed: "compute",
  },
  asd_pred_to_ref_mm: {
    label: "ASD pred→ref",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "mean distance from the predicted surface to the reference",
    compute: (pair) => asd(pair.distances().predictionToReference),
    whenMissed: "distance",
  },
  asd_ref_to_pred_mm: {
    label: "ASD ref→pred",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "mean distance from the reference surface to the prediction",
    compute: (pair) => asd(pair.distances().referenceToPrediction),
    whenMissed: "distance",
  },
  assd_mm: {
    label: "ASSD",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "mean over the distances of both directions pooled",
    compute: (pair) => assd(pair.distances()),
    whenMissed: "distance",
  },
  assd_mean_mm: {
    label: "ASSD (mean of directions)",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "mean of the two directed means",
    compute(pair) {
      const { predictionToReference, referenceToPrediction } = pair.distances();
      return (asd(predictionToReference) + asd(referenceToPrediction)) / 2;
    },
    whenMissed: "distance",
  },
  assd_area_mm: {
    label: "ASSD (by area)",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "elements",
    definition: () => "mean over the elements of both surfaces pooled, weighed by their area",
    compute: (pair) => pair.elements().symmetric,
    whenMissed: "distance",
  },
  hd_mm: {
    label: "HD",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "larger of the two directed maxima",
    compute: (pair) => hausdorff(pair.distances(), 100),
    whenMissed: "distance",
  },
  hd95_mm: {
    label: "HD95",
    unit: "mm",
    digits: 2,
    better: "lower",
    basis: "surface",
    definition: () => "larger of the two directed 95th percentiles, linear interpolation",
    compute: (pair) => hausdorff(pair.distances(), 95),
    whenMissed: "distance",
  },
  nsd: {
    label: "NSD",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "surface",
    definition: ({ nsdToleranceMm }) =>
      `share of surface voxels of both structures within ${nsdToleranceMm} mm`,
    compute: (pair, { nsdToleranceMm }) => surfaceDice(pair.distances(), nsdToleranceMm),
    whenMissed: 0,
  },
  lesion_f1: {
    label: "Lesion F1",
    unit: "",
    digits: 3,
    better: "higher",
    range: [0, 1],
    basis: "parts",
    definition: () => "F1 of the connected parts, a part found when the volumes share a voxel of it",
    compute: (pair) => lesionF1(pair.parts()),
    whenMissed: 0,
  },
};
