import type { Metric } from "./metrics.ts";

/** What became of a class in a case. */
export type ClassStatus = "found" | "absent" | "missed" | "false-positive";

/** A number for each metric; `null` where it is undefined. */
export type MetricValues = { readonly [M in Metric]: number | null };

/** The numbers of one class of one case in one modality: the metrics, and what they were counted from. */
export interface CaseRecord extends MetricValues {
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
  /** Predicted volume, in ml. */
  readonly volume_pred_ml: number;
  /** Reference volume, in ml. */
  readonly volume_ref_ml: number;
  /** Connected parts of the class in the prediction. */
  readonly lesions_pred: number;
  /** Connected parts of the class in the reference. */
  readonly lesions_ref: number;
  /** Voxels of the class in the prediction. */
  readonly n_pred: number;
  /** Voxels of the class in the reference. */
  readonly n_ref: number;
}
