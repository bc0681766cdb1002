/**
 * The way back: from the grid a network worked on to the grid of the scan as stored.
 *
 * @module
 */

import { type Affine, invertAffine, multiplyAffine, type Triple } from "../affine.ts";
import { turnBack, turnGrid, turnTo } from "../orientation.ts";
import { isShift, resampleLabels, resampleOnto } from "../resample.ts";
import { ndarray } from "../deps.ts";
import { type Grid, makeVolume, type Volume, volumeFrom } from "../volume.ts";
import type { PreparedImage } from "./prepare.ts";

/** What a network says about a prepared image. */
export interface SegmentedImage {
  /** Class ids, row-major `[D,H,W]`. */
  readonly labels: Uint8Array;
  /** Probabilities, row-major `[K,D,H,W]`, class 0 first. */
  readonly probabilities?: Float32Array;
}

/** Whether the voxels of a prepared image are voxels of the raw one: nothing has to be resampled on the way back. */
export function keepsVoxels({ affine, native }: PreparedImage): boolean {
  const turned = turnGrid(native, turnTo(native.affine, affine));
  return isShift(multiplyAffine(invertAffine(affine), turned.affine), turned.shape);
}

/**
 * How far beyond a prepared grid, in its voxels, what it says still holds on a scan's grid. Along an axis that was
 * resampled its end may lie up to half a voxel before that of the scan, since a side is rounded to whole voxels; what
 * lies there would have no voxel that could say a class. Along others it ends where its voxels end.
 */
export function reachBeyond(affine: Affine, turned: Grid): Triple {
  const map = multiplyAffine(invertAffine(affine), turned.affine);
  return [0, 1, 2].map((axis) =>
    isShift(map, turned.shape) || Math.abs(map[5 * axis]! - 1) < 1e-3 ? 0.5 : 1
  ) as unknown as Triple;
}

/** Runs a resampling with the axes of the prepared image, and turns the result to those of the grid. */
function onto<T extends Uint8Array | Float32Array>(
  { affine }: PreparedImage,
  grid: Grid,
  resample: (turned: Grid, beyond: Triple) => Volume<T>,
): Volume<T> {
  const turn = turnTo(grid.affine, affine), turned = turnGrid(grid, turn);
  return turnBack(resample(turned, reachBeyond(affine, turned)), grid, turn);
}

/**
 * A label map of a prepared image on the grid of the raw image: each label linearly, 0 outside the crop.
 *
 * @param labels row-major `[D,H,W]` of the prepared image's shape
 * @param grid another grid to bring it onto, such as that of a reference
 */
export function restoreLabels(
  image: PreparedImage,
  labels: Uint8Array,
  grid: Grid = image.native,
): Volume<Uint8Array> {
  const volume = volumeFrom(labels, image.shape, image.affine);
  return onto(image, grid, (turned, beyond) => resampleLabels(volume, turned, 0, beyond));
}

/**
 * Class probabilities of a prepared image on the grid of the raw image, one class after the other, so that memory
 * holds one; outside the crop everything is background.
 *
 * @param probabilities row-major `[K,D,H,W]`, class 0 first
 */
export function* restoreProbabilities(
  image: PreparedImage,
  probabilities: Float32Array,
  grid: Grid = image.native,
): Generator<Volume<Float32Array>> {
  const size = image.shape[0] * image.shape[1] * image.shape[2];
  for (let at = 0; at * size < probabilities.length; at++) {
    const one = volumeFrom(probabilities.subarray(at * size, (at + 1) * size), image.shape, image.affine);
    yield onto(
      image,
      grid,
      (turned, beyond) => resampleOnto(one, turned, "linear", at === 0 ? 1 : 0, beyond),
    );
  }
}

/**
 * A segmentation on the grid of the raw image: probabilities are resampled and the most probable class is taken
 * there, the lower one on a tie; labels alone are resampled as labels.
 */
export function restoreSegmentation(
  image: PreparedImage,
  { labels, probabilities }: SegmentedImage,
  grid: Grid = image.native,
): Volume<Uint8Array> {
  if (probabilities === undefined) return restoreLabels(image, labels, grid);
  let best: Float32Array | undefined, result: Volume<Uint8Array> | undefined, label = 0;
  for (const { array } of restoreProbabilities(image, probabilities, grid)) {
    // All classes come with the same strides, so they can be compared in memory order.
    if (best === undefined) {
      best = array.data;
      const { shape, stride, offset } = array;
      result = makeVolume(ndarray(new Uint8Array(best.length), [...shape], [...stride], offset), grid.affine);
    } else {
      const out = result!.array.data;
      for (let at = 0; at < best.length; at++) {
        if (array.data[at]! > best[at]!) best[at] = array.data[at]!, out[at] = label;
      }
    }
    label++;
  }
  return result!;
}
