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
  { bins = 15 }: { bins?: number } = {},
): Calibration {
  const voxels = reference.length, classes = probabilities.length / voxels;
  if (!Number.isInteger(classes) || classes < 2) {
    throw new EvalError(
      "eval.calibration",
      `${probabilities.length} probabilities for ${voxels} voxels; expected two or more a voxel`,
      { fix: "Give [K, voxels] probabilities of the same volume as the reference." },
    );
  }
  const n = new Float64Array(bins), right = new Float64Array(bins), sure = new Float64Array(bins);
  for (let v = 0; v < voxels; v++) {
    const truth = reference[v]!;
    if (!Number.isInteger(truth) || truth < 0 || truth >= classes) {
      throw new EvalError(
        "eval.calibration",
        `voxel ${v} has reference ${truth}; expected 0 … ${classes - 1}`,
        {
          fix: "Map label values to class indices first.",
        },
      );
    }
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[k * voxels + v]! > probabilities[best * voxels + v]!) best = k;
    }
    const p = probabilities[best * voxels + v]!;
    const bin = Math.min(bins - 1, Math.floor(p * bins));
    n[bin]!++;
    sure[bin]! += p;
    if (best === truth) right[bin]!++;
  }
  const found = Array.from(n, (count, b): CalibrationBin => ({
    confidence: count === 0 ? null : sure[b]! / count,
    accuracy: count === 0 ? null : right[b]! / count,
    n: count,
  }));
  const gaps = found.map((b) => b.n === 0 ? 0 : Math.abs(b.accuracy! - b.confidence!));
  return {
    ece: gaps.reduce((sum, gap, b) => sum + gap * found[b]!.n, 0) / voxels,
    mce: Math.max(...gaps),
    bins: found,
  };
}
