/**
 * Brings a label map into the axis order of its image.
 *
 * Programs store the same grid with its axes in another order or direction, and near 45° two affines that differ by
 * rounding turn to different anatomical axes. A label map that lies on its image's grid therefore takes over the image's
 * axes and affine, and from then on turns as the image does.
 *
 * @module
 */

import type { DataWarning } from "./errors.ts";
import { checkSameGrid, sameGrid } from "./grid_check.ts";
import { turnTo, turnVolume } from "./orientation.ts";
import { resampleLabels } from "./resample.ts";
import { type Grid, gridOf, makeVolume, shapeOf, type Volume } from "./volume.ts";

/**
 * The label map in the axis order of the image, a view over the same voxels, with the image's affine.
 *
 * @param what names both in messages
 * @throws {DataError} `geometry.mismatch` when it lies on another grid, however its axes are ordered
 */
export function labelOnGrid(
  label: Volume<Uint8Array>,
  image: Grid,
  what: string,
): { label: Volume<Uint8Array>; warnings: DataWarning[] } {
  const turned = turnVolume(label, turnTo(label.affine, image.affine));
  // As it is, when it lies on another grid altogether: the message then shows what the file says.
  const fits = shapeOf(turned).every((length, axis) => length === image.shape[axis]);
  const warnings = checkSameGrid(image, gridOf(fits ? turned : label), what);
  return { label: makeVolume(turned.array, image.affine), warnings };
}

/** A label map where a grid is: itself when it lies there, otherwise resampled, such as from the grid of another modality. */
export function labelsAt(labels: Volume<Uint8Array>, grid: Grid): Volume<Uint8Array> {
  return sameGrid(gridOf(labels), grid) ? labels : resampleLabels(labels, grid);
}
