/**
 * What the trainer gets at each step.
 *
 * @module
 */

import type { Triple } from "./affine.ts";

/** Patches of cases whose labels, if they have any, are out of reach. */
export interface UnlabelledBatch {
  /** Which case each patch was cut from; `a|b` when the modalities of an unpaired set come from two cases. */
  readonly cases: readonly string[];
  /** One array a modality, row-major `[N,1,D,H,W]`, normalised; the strong view of each patch. */
  readonly images: readonly Float32Array<ArrayBuffer>[];
  /** The same patches with the same geometry and a weak change of intensities, where asked for. */
  readonly weakImages?: readonly Float32Array<ArrayBuffer>[];
  /** A second strong view with the same geometry, where asked for. */
  readonly secondImages?: readonly Float32Array<ArrayBuffer>[];
  /** Voxels of a patch, `[D,H,W]`. */
  readonly shape: Triple;
}

/** Patches with their labels. */
export interface LabelledBatch {
  /** Which case each patch was cut from; `a|b` when the modalities of an unpaired set come from two cases. */
  readonly cases: readonly string[];
  /** One array a modality, row-major `[N,1,D,H,W]`, normalised. */
  readonly images: readonly Float32Array<ArrayBuffer>[];
  /** One array a modality, row-major `[N,D,H,W]`: 0 background, 1 … K the classes, `ignoredLabel` nobody knows. */
  readonly labels: readonly Uint8Array<ArrayBuffer>[];
  /** Voxels of a patch, `[D,H,W]`. */
  readonly shape: Triple;
}
