/** What became of a class in a case. */
export type ClassStatus = "found" | "absent" | "missed" | "false-positive";

/** The numbers of one class of one case in one modality; `null` where a metric is undefined. */
export interface CaseRecord {
  /** Case id. */
  readonly case: string;
  /** Modality whose prediction was judged. */
  readonly modality: string;
  /** Label value of the class. */
  readonly class: number;
  /** Name of the class. */
  readonly class_name: string;
  /** `absent`: in neither volume; `missed`: only in the reference; `false-positive`: only in the prediction. */
  readonly status: ClassStatus;
  /** Dice, `2·tp / (2·tp + fp + fn)`. */
  readonly dice: number | null;
  /** Intersection over union, `tp / (tp + fp + fn)`. */
  readonly iou: number | null;
  /** Share of the predicted voxels that are right. */
  readonly precision: number | null;
  /** Share of the reference voxels that were found. */
  readonly recall: number | null;
  /** Predicted volume, in ml. */
  readonly volume_pred_ml: number;
  /** Reference volume, in ml. */
  readonly volume_ref_ml: number;
  /** Predicted minus reference volume, in ml. */
  readonly volume_difference_ml: number | null;
  /** Average surface distance from prediction to reference, in mm. */
  readonly asd_pred_to_ref_mm: number | null;
  /** Average surface distance from reference to prediction, in mm. */
  readonly asd_ref_to_pred_mm: number | null;
  /** Average symmetric surface distance over the pooled distances, in mm. */
  readonly assd_mm: number | null;
  /** Mean of the two directed average surface distances, in mm. */
  readonly assd_mean_mm: number | null;
  /** Average symmetric surface distance with every piece of surface weighed by its area, in mm. */
  readonly assd_area_mm: number | null;
  /** Hausdorff distance, in mm. */
  readonly hd_mm: number | null;
  /** Larger of the two directed 95th percentiles of the surface distances, in mm. */
  readonly hd95_mm: number | null;
  /** Normalised surface Dice at the tolerance of the policy. */
  readonly nsd: number | null;
  /** F1 of the connected parts, a part being found when the volumes share a voxel of it. */
  readonly lesion_f1: number | null;
  /** Connected parts of the class in the prediction. */
  readonly lesions_pred: number;
  /** Connected parts of the class in the reference. */
  readonly lesions_ref: number;
  /** Voxels of the class in the prediction. */
  readonly n_pred: number;
  /** Voxels of the class in the reference. */
  readonly n_ref: number;
}

/** The columns of a {@link CaseRecord} that are metrics, with how to show and compare them. */
export const metrics = {
  dice: { label: "Dice", unit: "", digits: 3, better: "higher" },
  iou: { label: "IoU", unit: "", digits: 3, better: "higher" },
  precision: { label: "Precision", unit: "", digits: 3, better: "higher" },
  recall: { label: "Recall", unit: "", digits: 3, better: "higher" },
  volume_difference_ml: { label: "ΔV", unit: "ml", digits: 2, better: "near-zero" },
  asd_pred_to_ref_mm: { label: "ASD pred→ref", unit: "mm", digits: 2, better: "lower" },
  asd_ref_to_pred_mm: { label: "ASD ref→pred", unit: "mm", digits: 2, better: "lower" },
  assd_mm: { label: "ASSD", unit: "mm", digits: 2, better: "lower" },
  assd_mean_mm: { label: "ASSD (mean of directions)", unit: "mm", digits: 2, better: "lower" },
  assd_area_mm: { label: "ASSD (by area)", unit: "mm", digits: 2, better: "lower" },
  hd_mm: { label: "HD", unit: "mm", digits: 2, better: "lower" },
  hd95_mm: { label: "HD95", unit: "mm", digits: 2, better: "lower" },
  nsd: { label: "NSD", unit: "", digits: 3, better: "higher" },
  lesion_f1: { label: "Lesion F1", unit: "", digits: 3, better: "higher" },
} as const satisfies Readonly<
  Partial<
    Record<
      keyof CaseRecord,
      { label: string; unit: string; digits: number; better: "higher" | "lower" | "near-zero" }
    >
  >
>;

/** Name of a metric column of a {@link CaseRecord}. */
export type Metric = keyof typeof metrics;
