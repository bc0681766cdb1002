/**
 * Which voxels of a raw image show the patient.
 *
 * @module
 */

import type { Triple } from "./affine.ts";
import type { ModalityKind } from "./dataset.ts";
import { DataError } from "./errors.ts";

/** A box of voxels: from `low`, inclusive, `size` voxels along each axis. */
export interface Box {
  /** The first voxel. */
  readonly low: Triple;
  /** Voxels along each axis. */
  readonly size: Triple;
}

/** Hounsfield units above which a CT voxel is body and not air. */
const airLimit = -500;

/**
 * Marks the foreground of a raw image: in CT what is denser than air, otherwise what differs from the
 * background. The background is the value that the eight corners share, if they do, and 0 if not.
 *
 * @param image row-major, raw intensities
 * @returns 1 for foreground, 0 for background
 */
export function foregroundMask(image: Float32Array, [nx, ny, nz]: Triple, kind: ModalityKind): Uint8Array {
  const mask = new Uint8Array(image.length);
  if (kind === "ct") {
    for (let at = 0; at < image.length; at++) mask[at] = image[at]! > airLimit ? 1 : 0;
    return mask;
  }
  const background = cornerValue(image, [nx, ny, nz]) ?? 0;
  for (let at = 0; at < image.length; at++) mask[at] = image[at] === background ? 0 : 1;
  return mask;
}

/** The value all eight corners have, or nothing. */
export function cornerValue(image: Float32Array, [nx, ny, nz]: Triple): number | undefined {
  const value = image[0]!;
  for (let corner = 1; corner < 8; corner++) {
    const x = corner & 1 ? nx - 1 : 0, y = corner & 2 ? ny - 1 : 0, z = corner & 4 ? nz - 1 : 0;
    if (image[(x * ny + y) * nz + z] !== value) return undefined;
  }
  return value;
}

/**
 * The smallest box around the foreground of all masks.
 *
 * @throws {DataError} `data.constant` when no voxel is foreground
 */
export function foregroundBox(masks: readonly Uint8Array[], [nx, ny, nz]: Triple, what: string): Box {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  for (const mask of masks) {
    for (let x = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        const row = (x * ny + y) * nz;
        let first = 0;
        while (first < nz && mask[row + first] === 0) first++;
        if (first === nz) continue;
        let last = nz - 1;
        while (mask[row + last] === 0) last--;
        low[0] = Math.min(low[0]!, x), high[0] = Math.max(high[0]!, x);
        low[1] = Math.min(low[1]!, y), high[1] = Math.max(high[1]!, y);
        low[2] = Math.min(low[2]!, first), high[2] = Math.max(high[2]!, last);
      }
    }
  }
  if (high[0]! < 0) {
    throw new DataError("data.constant", `${what}: no voxel differs from the background`, {
      fix: "The image is empty: export it again, or take the case out of the manifest.",
    });
  }
  return {
    low: [low[0]!, low[1]!, low[2]!],
    size: [high[0]! - low[0]! + 1, high[1]! - low[1]! + 1, high[2]! - low[2]! + 1],
  };
}
