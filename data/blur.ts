/**
 * Smoothing of volumes.
 *
 * @module
 */

import type { Triple } from "./affine.ts";

/** Replaces every voxel by the mean of its 3 × 3 × 3 neighbourhood (edges repeated), in place, row-major. */
export function boxBlur(data: Float32Array, [nx, ny, nz]: Triple): void {
  blurLines(data, nx, ny * nz, 1, ny * nz);
  for (let x = 0; x < nx; x++) blurLines(data.subarray(x * ny * nz, (x + 1) * ny * nz), ny, nz, 1, nz);
  blurLines(data, nz, nx * ny, nz, 1);
}

/** Three-point means along `count` parallel lines of `length` voxels `step` apart; lines start `between` apart. */
function blurLines(data: Float32Array, length: number, count: number, between: number, step: number): void {
  for (let line = 0; line < count; line++) {
    let at = line * between;
    let before = data[at]!, here = before;
    for (let i = 0; i < length; i++, at += step) {
      const after = i + 1 < length ? data[at + step]! : here;
      data[at] = (before + here + after) / 3;
      before = here;
      here = after;
    }
  }
}
