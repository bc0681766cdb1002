/**
 * Moving a volume onto another grid through both affines.
 *
 * @module
 */

import { type Affine, invertAffine, multiplyAffine, spacingOf, type Triple } from "./affine.ts";
import { type Grid, rowMajor, shapeOf, type Volume, volumeFrom, type VoxelArray } from "./volume.ts";

/** How values between voxels are made up. */
export type Interpolation = "linear" | "nearest";

/**
 * The values of a volume at the voxels of another grid.
 *
 * @param fill the value of voxels outside the volume; more than half a voxel beyond its outermost centres
 */
export function resampleOnto<T extends VoxelArray>(
  volume: Volume<T>,
  grid: Grid,
  interpolation: Interpolation,
  fill: number,
): Volume<T> {
  const source = rowMajor(volume);
  const map = multiplyAffine(invertAffine(volume.affine), grid.affine);
  const out = new (source.constructor as new (length: number) => T)(
    grid.shape[0] * grid.shape[1] * grid.shape[2],
  );
  sampleAffine(source, shapeOf(volume), map, out, grid.shape, interpolation, fill);
  return volumeFrom(out, grid.shape, grid.affine);
}

/**
 * Labels at the voxels of another grid by linear interpolation of each label on its own: the label with the
 * largest share wins, the lower one on a tie. Smoother than nearest neighbour where the spacing changes.
 */
export function resampleLabels(volume: Volume<Uint8Array>, grid: Grid): Volume<Uint8Array> {
  const source = rowMajor(volume);
  const best = new Float32Array(grid.shape[0] * grid.shape[1] * grid.shape[2]).fill(-1);
  const out = new Uint8Array(best.length);
  for (const label of [...new Set(source).add(0)].sort((a, b) => a - b)) {
    const indicator = volumeFrom(
      Float32Array.from(source, (value) => +(value === label)),
      shapeOf(volume),
      volume.affine,
    );
    const share = resampleOnto(indicator, grid, "linear", label === 0 ? 1 : 0).array.data;
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
 * Samples a row-major volume at `map · (x, y, z)` for every voxel of the output. Positions up to half a voxel
 * outside take the edge's value.
 *
 * @param map output voxel indices to source voxel indices
 * @param displacement added to each source position, row-major `[3,D,H,W]` in source voxels, where given
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
): void {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = map as number[];
  const nearest = interpolation === "nearest";
  const count = ox * oy * oz;
  const limitX = nx - 0.5, limitY = ny - 0.5, limitZ = nz - 0.5;
  const lastX = nx - 1, lastY = ny - 1, lastZ = nz - 1, planeSize = ny * nz;
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
        if (!(px >= -0.5 && px <= limitX && py >= -0.5 && py <= limitY && pz >= -0.5 && pz <= limitZ)) {
          out[at] = fill;
          continue;
        }
        px = px < 0 ? 0 : px > lastX ? lastX : px;
        py = py < 0 ? 0 : py > lastY ? lastY : py;
        pz = pz < 0 ? 0 : pz > lastZ ? lastZ : pz;
        if (nearest) {
          out[at] = source[Math.round(px) * planeSize + Math.round(py) * nz + Math.round(pz)]!;
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
