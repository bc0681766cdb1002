import { EvalError } from "../errors.ts";

/** Voxels whose confidence falls into one range. */
export interface CalibrationBin {
  /** Mean probability of the predicted class; `null` in an empty bin. */
  readonly confidence: number | null;
  /** Share of the voxels that are right; `null` in an empty bin. */
  readonly accuracy: number | null;
  /** Voxels in the bin. */
  readonly n: number;
}

/** How far confidence is from accuracy. */
export interface Calibration {
  /** Expected calibration error: mean of |accuracy − confidence| over the bins, weighted by voxels. */
  readonly ece: number;
  /** Largest |accuracy − confidence| of a bin. */
  readonly mce: number;
  /** The bins, from confidence 0 to 1. */
  readonly bins: readonly CalibrationBin[];
}

/** Sums over voxels that calibration is made of; those of several volumes add up. One number a bin. */
export interface CalibrationCounts {
  /** Voxels. */
  readonly n: readonly number[];
  /** Voxels whose most probable class is right. */
  readonly right: readonly number[];
  /** Sum of the probabilities of the most probable class. */
  readonly sure: readonly number[];
}

/** How {@link calibrationCounts} counts. */
export interface CalibrationOptions {
  /** Bins of equal width between 0 and 1; 15 unless told. */
  readonly bins?: number;
  /**
   * Counts only voxels whose reference or most probable class is not the background (class 0), of which a scan has
   * so many that nothing else would show.
   */
  readonly foreground?: boolean;
}

/**
 * Counts the voxels of one volume by how sure the prediction is.
 *
 * @param probabilities row-major `[K, voxels]`, sums of 1 over K
 * @param reference class index of each voxel, `0 … K − 1`
 * @throws {EvalError} `eval.calibration` when the sizes do not fit or a reference is not a class index
 */
export function calibrationCounts(
  probabilities: Float32Array,
  reference: ArrayLike<number>,
  { bins = 15, foreground = false }: CalibrationOptions = {},
): CalibrationCounts {
  const voxels = reference.length, classes = probabilities.length / voxels;
  if (!Number.isInteger(classes) || classes < 2) {
    throw new EvalError(
      "eval.calibration",
      `${probabilities.length} probabilities for ${voxels} voxels; expected two or more a voxel`,
      { fix: "Give [K, voxels] probabilities of the same volume as the reference." },
    );
  }
  const [n, right, sure] = [0, 1, 2].map(() => new Array<number>(bins).fill(0)) as [
    number[],
    number[],
    number[],
  ];
  for (let v = 0; v < voxels; v++) {
    const truth = reference[v]!;
    if (!Number.isInteger(truth) || truth < 0 || truth >= classes) {
      throw new EvalError(
        "eval.calibration",
        `voxel ${v} has reference ${truth}; expected 0 … ${classes - 1}`,
        { fix: "Map label values to class indices first." },
      );
    }
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[k * voxels + v]! > probabilities[best * voxels + v]!) best = k;
    }
    if (foreground && best === 0 && truth === 0) continue;
    const p = probabilities[best * voxels + v]!;
    const bin = Math.min(bins - 1, Math.floor(p * bins));
    n[bin]!++;
    sure[bin]! += p;
    if (best === truth) right[bin]!++;
  }
  return { n, right, sure };
}

/** The sums of several volumes together. */
export function addCalibrationCounts(
  all: readonly [CalibrationCounts, ...CalibrationCounts[]],
): CalibrationCounts {
  const total = (key: keyof CalibrationCounts): number[] =>
    all[0][key].map((_, bin) => all.reduce((sum, counts) => sum + counts[key][bin]!, 0));
  return { n: total("n"), right: total("right"), sure: total("sure") };
}

/** The counts of several runs by modality. */
export function poolCalibrations(
  runs: readonly ReadonlyMap<string, CalibrationCounts>[],
): Map<string, CalibrationCounts> {
  const byModality = Map.groupBy(runs.flatMap((run) => [...run]), ([modality]) => modality);
  return new Map([...byModality].map(([modality, own]) => {
    const [first, ...more] = own.map(([, counts]) => counts);
    return [modality, addCalibrationCounts([first!, ...more])];
  }));
}

/**
 * Calibration from counts.
 *
 * @throws {EvalError} `eval.calibration` when no voxel was counted
 */
export function calibrationOf({ n, right, sure }: CalibrationCounts): Calibration {
  const voxels = n.reduce((a, b) => a + b, 0);
  if (voxels === 0) {
    throw new EvalError("eval.calibration", "no voxel was counted", {
      fix: "With foreground voxels alone, a volume needs one that is or is called foreground.",
    });
  }
  const bins = n.map((count, b): CalibrationBin => ({
    confidence: count === 0 ? null : sure[b]! / count,
    accuracy: count === 0 ? null : right[b]! / count,
    n: count,
  }));
  const gaps = bins.map((b) => b.n === 0 ? 0 : Math.abs(b.accuracy! - b.confidence!));
  return {
    ece: gaps.reduce((sum, gap, b) => sum + gap * bins[b]!.n, 0) / voxels,
    mce: Math.max(...gaps),
    bins,
  };
}

/**
 * Calibration of the most probable class (Guo et al., ICML 2017), in bins of equal width.
 *
 * @param probabilities row-major `[K, voxels]`, sums of 1 over K
 * @param reference class index of each voxel, `0 … K − 1`
 * @throws {EvalError} `eval.calibration` when the sizes do not fit or a reference is not a class index
 *
 * @example
 * ```ts
 * import { calibration } from "./calibration.ts";
 * import assert from "node:assert/strict";
 *
 * const { ece } = calibration(Float32Array.of(0.25, 0.25, 0.75, 0.75), Uint8Array.of(1, 0));
 * assert.equal(ece, 0.25); // three quarters sure, half of them right
 * ```
 */
export function calibration(
  probabilities: Float32Array,
  reference: ArrayLike<number>,
  options: CalibrationOptions = {},
): Calibration {
  return calibrationOf(calibrationCounts(probabilities, reference, options));
}
