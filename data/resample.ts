/**
 * Moving a volume onto another grid through both affines.
 *
 * Where the axes of both grids are parallel, axes are resampled one after the other; across thick slices, more than
 * 3 times as long as wide, a finer grid takes the nearest slice, since what lies between two slices is not known
 * (as nnU-Net). Otherwise voxels are sampled trilinearly at their place. Where the new grid is coarser, the volume
 * is averaged over the new voxels first.
 *
 * @module
 */

import { type Affine, invertAffine, multiplyAffine, spacingOf, type Triple } from "./affine.ts";
import { type AxisWeights, axisWeights, resampleAxis } from "./axis_weights.ts";
import { type Grid, rowMajor, shapeOf, type Volume, volumeFrom, type VoxelArray } from "./volume.ts";

/** Voxels end half a voxel beyond their centres. */
const halfVoxel: Triple = [0.5, 0.5, 0.5];

/** How values between voxels are made up. */
export type Interpolation = "linear" | "nearest";

/** Voxels this many times as long along one axis as along the others are thick slices across it. */
export const thickRatio = 3;

/** The axis across thick slices, if a voxel of this size is one. */
export function thickAxis(spacing: Triple): number | undefined {
  const axis = spacing.indexOf(Math.max(...spacing));
  const others = spacing.filter((_, other) => other !== axis);
  return spacing[axis]! > thickRatio * Math.max(...others) ? axis : undefined;
}

/**
 * The values of a volume at the voxels of another grid.
 *
 * @param interpolation `linear` as described above; `nearest` takes the nearest voxel along every axis
 * @param fill the value of voxels outside the volume
 * @param beyond up to how far beyond its outermost centres, in its voxels, the volume goes on with the value there
 */
export function resampleOnto<T extends VoxelArray>(
  volume: Volume<T>,
  grid: Grid,
  interpolation: Interpolation,
  fill: number,
  beyond: Triple = halfVoxel,
): Volume<T> {
  const source = rowMajor(volume), shape = shapeOf(volume);
  const map = multiplyAffine(invertAffine(volume.affine), grid.affine);
  const out = new (source.constructor as new (length: number) => T)(
    grid.shape[0] * grid.shape[1] * grid.shape[2],
  );
  const values = (): Float32Array =>
    source instanceof Float32Array ? source : Float32Array.from(source as ArrayLike<number>);
  if (interpolation === "nearest") {
    sampleAffine(source, shape, map, out, grid.shape, interpolation, fill, undefined, beyond);
  } else if (isParallel(map, grid.shape)) {
    alongAxes(values(), shape, map, grid.shape, thickAxis(volume.spacing), out, fill, beyond);
  } else {
    const smooth = smoothed(values(), shape, map);
    sampleAffine<VoxelArray>(smooth, shape, map, out, grid.shape, interpolation, fill, undefined, beyond);
  }
  return volumeFrom(out, grid.shape, grid.affine);
}

/** Whether axes keep their direction under a map, to a hundredth of a voxel over the whole grid. */
function isParallel(map: Affine, shape: Triple): boolean {
  return [0, 1, 2].every((row) =>
    map[5 * row]! > 0 &&
    [0, 1, 2].every((column) => row === column || Math.abs(map[4 * row + column]! * shape[column]!) < 0.01)
  );
}

/** Whether a map only moves by whole voxels, to a thousandth of a voxel over the whole grid. */
export function isShift(map: Affine, shape: Triple): boolean {
  return [0, 1, 2].every((row) => {
    const move = map[4 * row + 3]!;
    return Math.abs(move - Math.round(move)) < 1e-3 &&
      [0, 1, 2].every((column) =>
        Math.abs((map[4 * row + column]! - +(row === column)) * shape[column]!) < 1e-3
      );
  });
}

function alongAxes(
  source: Float32Array,
  shape: Triple,
  map: Affine,
  target: Triple,
  thick: number | undefined,
  out: VoxelArray,
  fill: number,
  beyond: Triple,
): void {
  const axes = [0, 1, 2].map((axis): AxisWeights =>
    axisWeights(
      shape[axis]!,
      target[axis]!,
      map[4 * axis + 3]!,
      map[5 * axis]!,
      axis === thick ? "nearest" : "linear",
      beyond[axis],
    )
  );
  // Axes that shrink come first: less is left to do for the others.
  const order = [0, 1, 2].sort((a, b) => target[a]! / shape[a]! - target[b]! / shape[b]! || a - b);
  const size = [...shape];
  let values = source;
  for (const axis of order) {
    values = resampleAxis(values, size, axis, axes[axis]!);
    size[axis] = target[axis]!;
  }
  out.set(values);
  const isOutside = axes.map(({ length, taps, weights }) =>
    Uint8Array.from(
      { length },
      (_, o) => +weights.subarray(o * taps, (o + 1) * taps).every((weight) => weight === 0),
    )
  ) as [Uint8Array, Uint8Array, Uint8Array];
  if (isOutside.every((flags) => !flags.includes(1))) return;
  const [D, H, W] = target, [outsideD, outsideH, outsideW] = isOutside;
  for (let d = 0, at = 0; d < D; d++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++, at++) if (outsideD[d]! | outsideH[h]! | outsideW[w]!) out[at] = fill;
    }
  }
}

/** A volume averaged over as much of each axis as a step on the other grid covers, where that is over a voxel. */
function smoothed(source: Float32Array, shape: Triple, map: Affine): Float32Array {
  let values = source;
  for (let axis = 0; axis < 3; axis++) {
    const reach = Math.hypot(map[4 * axis]!, map[4 * axis + 1]!, map[4 * axis + 2]!);
    if (reach <= 1) continue;
    values = resampleAxis(values, shape, axis, triangleOver(shape[axis]!, reach));
  }
  return values;
}

/** Weights that smooth a line with a triangle, its length unchanged. */
function triangleOver(count: number, width: number): AxisWeights {
  const taps = Math.min(count, 2 * Math.ceil(width) + 1);
  const first = new Int32Array(count), weights = new Float64Array(count * taps);
  for (let o = 0; o < count; o++) {
    first[o] = Math.min(count - taps, Math.max(0, o - (taps >> 1)));
    let total = 0;
    for (let tap = 0; tap < taps; tap++) {
      total += weights[o * taps + tap] = Math.max(0, 1 - Math.abs(first[o]! + tap - o) / width);
    }
    for (let tap = 0; tap < taps; tap++) weights[o * taps + tap]! /= total;
  }
  return { length: count, taps, first, weights };
}

/**
 * Labels at the voxels of another grid: each label is resampled linearly on its own, and the one with the largest
 * share wins, the lower one on a tie. Memory is that of one label at a time.
 *
 * @param outside the value of voxels outside the volume
 * @param beyond as for {@link resampleOnto}
 */
export function resampleLabels(
  volume: Volume<Uint8Array>,
  grid: Grid,
  outside = 0,
  beyond: Triple = halfVoxel,
): Volume<Uint8Array> {
  const map = multiplyAffine(invertAffine(volume.affine), grid.affine);
  if (isShift(map, grid.shape)) return resampleOnto(volume, grid, "nearest", outside, beyond);
  const source = rowMajor(volume);
  const best = new Float32Array(grid.shape[0] * grid.shape[1] * grid.shape[2]).fill(-1);
  const out = new Uint8Array(best.length).fill(outside);
  for (const label of [...new Set(source)].sort((a, b) => a - b)) {
    const indicator = volumeFrom(
      Float32Array.from(source, (value) => +(value === label)),
      shapeOf(volume),
      volume.affine,
    );
    const share = resampleOnto(indicator, grid, "linear", -1, beyond).array.data;
    for (let at = 0; at < out.length; at++) {
      if (share[at]! > best[at]!) best[at] = share[at]!, out[at] = label;
    }
  }
  return volumeFrom(out, grid.shape, grid.affine);
}

/**
 * The grid that covers the same space with another spacing. The corner of the first voxel stays where it is;
 * a side that is no multiple of the new spacing is rounded to the nearest number of voxels.
 *
 * @param spacing in mm
 */
export function gridWithSpacing(grid: Grid, spacing: Triple): Grid {
  const step = spacing.map((mm, axis) => mm / grid.spacing[axis]!);
  const shape = grid.shape.map((length, axis) => Math.max(1, Math.round(length / step[axis]!)));
  const scale: Affine = [
    ...[step[0]!, 0, 0, (step[0]! - 1) / 2],
    ...[0, step[1]!, 0, (step[1]! - 1) / 2],
    ...[0, 0, step[2]!, (step[2]! - 1) / 2],
    ...[0, 0, 0, 1],
  ];
  const affine = multiplyAffine(grid.affine, scale);
  return { shape: [shape[0]!, shape[1]!, shape[2]!], affine, spacing: spacingOf(affine) };
}

/**
 * Samples a row-major volume at `map · (x, y, z)` for every voxel of the output.
 *
 * @param map output voxel indices to source voxel indices
 * @param displacement added to each source position, row-major `[3,D,H,W]` in source voxels, where given
 * @param beyond how far outside positions take the edge's value, in source voxels
 */
export function sampleAffine<T extends VoxelArray>(
  source: T,
  [nx, ny, nz]: Triple,
  map: Affine,
  out: T,
  [ox, oy, oz]: Triple,
  interpolation: Interpolation,
  fill: number,
  displacement?: Float32Array,
  [beyondX, beyondY, beyondZ]: Triple = halfVoxel,
): void {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = map as number[];
  const isNearest = interpolation === "nearest";
  const count = ox * oy * oz;
  const lastX = nx - 1, lastY = ny - 1, lastZ = nz - 1, planeSize = ny * nz;
  const limitX = lastX + beyondX, limitY = lastY + beyondY, limitZ = lastZ + beyondZ;
  for (let x = 0, at = 0; x < ox; x++) {
    for (let y = 0; y < oy; y++) {
      const startX = a! * x + b! * y + d!, startY = e! * x + f! * y + h!, startZ = i! * x + j! * y + l!;
      for (let z = 0; z < oz; z++, at++) {
        let px = startX + c! * z, py = startY + g! * z, pz = startZ + k! * z;
        if (displacement !== undefined) {
          px += displacement[at]!;
          py += displacement[count + at]!;
          pz += displacement[2 * count + at]!;
        }
        const isInside = px >= -beyondX && px <= limitX && py >= -beyondY && py <= limitY &&
          pz >= -beyondZ && pz <= limitZ;
        if (!isInside) {
          out[at] = fill;
          continue;
        }
        px = px < 0 ? 0 : px > lastX ? lastX : px;
        py = py < 0 ? 0 : py > lastY ? lastY : py;
        pz = pz < 0 ? 0 : pz > lastZ ? lastZ : pz;
        if (isNearest) {
          out[at] = source[nearest(px, x) * planeSize + nearest(py, y) * nz + nearest(pz, z)]!;
          continue;
        }
        const x0 = px | 0, y0 = py | 0, z0 = pz | 0;
        const u = px - x0, v = py - y0, w = pz - z0;
        const corner = x0 * planeSize + y0 * nz + z0;
        const dx = x0 < lastX ? planeSize : 0, dy = y0 < lastY ? nz : 0, dz = z0 < lastZ ? 1 : 0;
        const s00 = source[corner]! * (1 - w) + source[corner + dz]! * w;
        const s01 = source[corner + dy]! * (1 - w) + source[corner + dy + dz]! * w;
        const s10 = source[corner + dx]! * (1 - w) + source[corner + dx + dz]! * w;
        const s11 = source[corner + dx + dy]! * (1 - w) + source[corner + dx + dy + dz]! * w;
        out[at] = (s00 * (1 - v) + s01 * v) * (1 - u) + (s10 * (1 - v) + s11 * v) * u;
      }
    }
  }
}

/**
 * The nearest whole number; halfway, the lower one for every other voxel of the new grid: always taking the upper one
 * would shift a volume by half a voxel.
 */
function nearest(x: number, index: number): number {
  const below = Math.floor(x), rest = x - below;
  return rest < 0.5 || (rest === 0.5 && index % 2 === 0) ? below : below + 1;
}
