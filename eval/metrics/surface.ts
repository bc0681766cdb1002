import { squaredDistance } from "./edt.ts";
import type { Triple } from "./label_grid.ts";

/** A block of a grid with the masks of one structure in it, row-major. */
export interface MaskPair {
  /** Voxels along each axis of the block. */
  readonly shape: readonly [number, number, number];
  /** Voxel size along each axis in mm. */
  readonly spacing: readonly [number, number, number];
  /** Axes along which the volume has one voxel: it is judged in its plane, and has no surface towards them. */
  readonly flat: readonly [boolean, boolean, boolean];
  /** 1 inside the predicted structure. */
  readonly prediction: Uint8Array;
  /** 1 inside the reference structure. */
  readonly reference: Uint8Array;
}

/**
 * Marks the surface of a structure: its voxels with a face neighbour outside it.
 *
 * What lies beyond the block counts as outside, so the border of the volume is surface; a structure of one
 * voxel is its own surface. Along a flat axis nothing is outside.
 *
 * @param mask 1 inside, row-major over `shape`
 */
export function surfaceVoxels(
  mask: Uint8Array,
  shape: Triple,
  flat: MaskPair["flat"] = [false, false, false],
): Uint8Array {
  const [depth, height, width] = shape, plane = height * width;
  const [flatZ, flatY, flatX] = flat;
  const surface = new Uint8Array(mask.length);
  let at = 0;
  for (let z = 0; z < depth; z++) {
    const innerZ = flatZ || (z > 0 && z < depth - 1);
    for (let y = 0; y < height; y++) {
      const inner = innerZ && (flatY || (y > 0 && y < height - 1));
      for (let x = 0; x < width; x++, at++) {
        if (mask[at] === 0) continue;
        const enclosed = inner && (flatX || (x > 0 && x < width - 1)) &&
          (flatX || mask[at - 1]! + mask[at + 1]! === 2) &&
          (flatY || mask[at - width]! + mask[at + width]! === 2) &&
          (flatZ || mask[at - plane]! + mask[at + plane]! === 2);
        if (!enclosed) surface[at] = 1;
      }
    }
  }
  return surface;
}

/** Distances between the surfaces of two structures, in mm, each direction in ascending order. */
export interface SurfaceDistances {
  /** From each surface voxel of the prediction to the nearest of the reference. */
  readonly predictionToReference: Float64Array;
  /** From each surface voxel of the reference to the nearest of the prediction. */
  readonly referenceToPrediction: Float64Array;
}

/** Surface-to-surface distances of two non-empty structures, by exact distance transforms. */
export function surfaceDistances(
  { shape, spacing, flat, prediction, reference }: MaskPair,
): SurfaceDistances {
  const predicted = surfaceVoxels(prediction, shape, flat);
  const referred = surfaceVoxels(reference, shape, flat);
  return {
    predictionToReference: distancesAt(predicted, squaredDistance(referred, shape, spacing, predicted)),
    referenceToPrediction: distancesAt(referred, squaredDistance(predicted, shape, spacing, referred)),
  };
}

function distancesAt(surface: Uint8Array, squared: Float64Array): Float64Array {
  let count = 0;
  for (let i = 0; i < surface.length; i++) count += surface[i]!;
  const distances = new Float64Array(count);
  for (let i = 0, n = 0; i < surface.length; i++) if (surface[i]) distances[n++] = Math.sqrt(squared[i]!);
  return distances.sort();
}

/** Average surface distance, directed: the mean of one direction's distances. */
export function asd(distances: Float64Array): number {
  return sum(distances) / distances.length;
}

/** Average symmetric surface distance, pooled: the mean over the distances of both directions together. */
export function assd(d: SurfaceDistances): number {
  return (sum(d.predictionToReference) + sum(d.referenceToPrediction)) /
    (d.predictionToReference.length + d.referenceToPrediction.length);
}

/** Hausdorff distance at a percentile: the larger of the two directed percentiles. 100 is the maximum. */
export function hausdorff(d: SurfaceDistances, percent: number): number {
  return Math.max(percentile(d.predictionToReference, percent), percentile(d.referenceToPrediction, percent));
}

/** Voxel sizes come from affines in float32, so that a distance of 2 mm may read 2.0000001. */
const rounding = 1 + 1e-6;

/** Normalised surface Dice: the share of surface voxels of both structures within a tolerance in mm. */
export function surfaceDice(d: SurfaceDistances, toleranceMm: number): number {
  const limit = toleranceMm * rounding;
  return (countUpTo(d.predictionToReference, limit) + countUpTo(d.referenceToPrediction, limit)) /
    (d.predictionToReference.length + d.referenceToPrediction.length);
}

/** A percentile of numbers in ascending order, linear between neighbours (as numpy's default). */
export function percentile(ascending: ArrayLike<number>, percent: number): number {
  const place = (percent / 100) * (ascending.length - 1);
  const below = Math.floor(place);
  const low = ascending[below]!, high = ascending[Math.min(below + 1, ascending.length - 1)]!;
  return low + (high - low) * (place - below);
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function countUpTo(ascending: Float64Array, limit: number): number {
  let low = 0, high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
