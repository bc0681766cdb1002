/**
 * When two grids count as the same.
 *
 * @module
 */

import type { DataWarning } from "./errors.ts";
import { DataError } from "./errors.ts";
import { largestGap } from "./nifti/affine.ts";
import { turnTo, turnVolume } from "./orientation.ts";
import { type Grid, gridOf, makeVolume, type Volume, type VoxelArray } from "./volume.ts";

/** Largest distance between corresponding corners, as a share of the smallest voxel side, that is no difference. */
const tolerance = 0.01;

/** Whether two grids have the same shape and lie in the same place, but for rounding. */
export function sameGrid(a: Grid, b: Grid): boolean {
  return a.shape.every((length, axis) => length === b.shape[axis]) &&
    largestGap(a.affine, b.affine, a.shape) <= tolerance * Math.min(...a.spacing);
}

/**
 * The same volume with the axes, and bit for bit the affine, of a grid whose voxels are its own in another order;
 * nothing when they are not. A view.
 */
export function onGridOf<T extends VoxelArray>(volume: Volume<T>, grid: Grid): Volume<T> | undefined {
  const turned = turnVolume(volume, turnTo(volume.affine, grid.affine));
  return sameGrid(gridOf(turned), grid) ? makeVolume(turned.array, grid.affine) : undefined;
}

/** What {@link checkSameGrid} calls the two. */
export interface GridNames {
  /** The one whose grid counts. */
  readonly image: string;
  /** The other one. */
  readonly labels: string;
  /** What to do where they do not fit. */
  readonly fix: string;
}

const imageAndLabels: GridNames = {
  image: "image",
  labels: "labels",
  fix:
    "Labels must lie on the grid of their image: resample them, or correct the manifest or the affine that is wrong.",
};

/**
 * Refuses a label map that does not lie on its image's grid; up to a tenth of a voxel is a warning.
 *
 * @param names what messages call the two and advise; those of an image and its labels when absent
 * @throws {DataError} `geometry.mismatch` with both values
 */
export function checkSameGrid(
  image: Grid,
  label: Grid,
  what: string,
  { image: first, labels: second, fix }: GridNames = imageAndLabels,
): DataWarning[] {
  if (image.shape.some((length, axis) => length !== label.shape[axis])) {
    throw new DataError(
      "geometry.mismatch",
      `${what}: the ${first} has ${image.shape.join("×")} voxels, the ${second} ${label.shape.join("×")}`,
      { fix },
    );
  }
  const gap = largestGap(image.affine, label.affine, image.shape);
  const side = Math.min(...image.spacing);
  if (gap <= tolerance * side) return [];
  const message = `${what}: ${first} and ${second} lie up to ${gap.toPrecision(3)} mm apart ` +
    `(voxels ${image.spacing.map((mm) => mm.toPrecision(4)).join("×")} and ` +
    `${label.spacing.map((mm) => mm.toPrecision(4)).join("×")} mm; ` +
    `origins ${origin(image)} and ${origin(label)})`;
  if (gap <= 10 * tolerance * side) return [{ code: "geometry.mismatch", message }];
  throw new DataError("geometry.mismatch", message, { fix });
}

function origin({ affine }: Grid): string {
  return `(${[3, 7, 11].map((at) => affine[at]!.toPrecision(5)).join(", ")})`;
}
