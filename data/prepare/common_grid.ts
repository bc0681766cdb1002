/**
 * The grid that the images of a case are brought onto.
 *
 * @module
 */

import { applyAffine, invertAffine, multiplyAffine, scalingAffine, type Triple } from "../affine.ts";
import { DataError } from "../errors.ts";
import { sameGrid } from "../grid_check.ts";
import { gridWithSpacing } from "../resample.ts";
import type { Grid } from "../volume.ts";

/** A voxel side that is this close to the target is kept: resampling would blur and gain nothing. */
const closeEnough = 0.01;

/**
 * The grid for images that share one space: the axes of the first one, as large as the fields of view of all of
 * them together, with the target voxel size.
 *
 * @param grids turned to the axes of the first
 * @param names one for each grid, for messages
 * @throws {DataError} `geometry.apart` when an image does not overlap the first
 */
export function commonGrid(grids: readonly Grid[], spacing: Triple, names: readonly string[]): Grid {
  const [first] = grids as [Grid];
  let low = [0, 0, 0], high = first.shape.map((length) => length - 1);
  for (const [at, grid] of grids.entries()) {
    if (sameGrid(grid, first)) continue;
    if (overlapOf(grid, first) === 0) {
      throw new DataError("geometry.apart", `${names[at]} does not overlap ${names[0]}`, {
        fix: 'The images do not show the same place: repair the affine, or set "aligned": false.',
      });
    }
    const map = multiplyAffine(invertAffine(first.affine), grid.affine);
    for (const corner of cornersOf(grid)) {
      const place = applyAffine(map, corner);
      // The outer faces of a voxel lie half a voxel from its centre; a hundredth is rounding.
      low = low.map((value, axis) => Math.min(value, Math.floor(place[axis]! + 0.51)));
      high = high.map((value, axis) => Math.max(value, Math.ceil(place[axis]! - 0.51)));
    }
  }
  const united: Grid = {
    shape: low.map((from, axis) => high[axis]! - from + 1) as unknown as Triple,
    affine: multiplyAffine(first.affine, scalingAffine([1, 1, 1], low as unknown as Triple)),
    spacing: first.spacing,
  };
  const wanted = spacing.map((mm, axis) =>
    Math.abs(united.spacing[axis]! / mm - 1) <= closeEnough ? united.spacing[axis]! : mm
  );
  return wanted.every((mm, axis) => mm === united.spacing[axis])
    ? united
    : gridWithSpacing(united, wanted as unknown as Triple);
}

/** The corners of a grid's box, at the outer faces of its voxels. */
function cornersOf({ shape }: Grid): Triple[] {
  return Array.from({ length: 8 }, (_, corner): Triple => [
    corner & 1 ? shape[0] - 0.5 : -0.5,
    corner & 2 ? shape[1] - 0.5 : -0.5,
    corner & 4 ? shape[2] - 0.5 : -0.5,
  ]);
}

/** Samples along each axis that {@link overlapOf} looks at. */
const samples = 16;

/**
 * The share of a field of view that another one covers, from a lattice of places in it: 0 when they are apart, 1
 * when the other contains it.
 */
export function overlapOf(grid: Grid, other: Grid): number {
  const map = multiplyAffine(invertAffine(other.affine), grid.affine);
  let inside = 0;
  for (let at = 0; at < samples ** 3; at++) {
    const place = applyAffine(map, [
      ((Math.floor(at / samples ** 2) + 0.5) / samples) * grid.shape[0] - 0.5,
      ((Math.floor(at / samples) % samples + 0.5) / samples) * grid.shape[1] - 0.5,
      ((at % samples + 0.5) / samples) * grid.shape[2] - 0.5,
    ]);
    if (isInside(place, other.shape)) inside++;
  }
  return inside / samples ** 3;
}

/** Whether a place in voxels lies in a volume, to a thousandth of a voxel. */
function isInside(place: Triple, shape: Triple): boolean {
  return place.every((x, axis) => x >= -0.501 && x <= shape[axis]! - 0.499);
}

/** Which voxels of a grid a scan covers: 1 where it does; nothing when it covers all. */
export function coverage(scan: Grid, grid: Grid): Uint8Array<ArrayBuffer> | undefined {
  const map = multiplyAffine(invertAffine(scan.affine), grid.affine);
  const [D, H, W] = grid.shape;
  const last: Triple = [D - 1, H - 1, W - 1];
  const corners = Array.from({ length: 8 }, (_, c): Triple => [
    c & 1 ? last[0] : 0,
    c & 2 ? last[1] : 0,
    c & 4 ? last[2] : 0,
  ]);
  // A box lies in a convex volume when its corners do.
  if (corners.every((corner) => isInside(applyAffine(map, corner), scan.shape))) return undefined;
  const inside = new Uint8Array(D * H * W);
  for (let d = 0, at = 0; d < D; d++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++, at++) inside[at] = +isInside(applyAffine(map, [d, h, w]), scan.shape);
    }
  }
  return inside;
}
