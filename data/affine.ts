/**
 * Affine maps from voxel indices to millimetres, as 4×4 matrices in row-major order.
 *
 * @module
 */

import { DataError } from "./errors.ts";

/** Three numbers, one an axis. */
export type Triple = readonly [number, number, number];

/** A 4×4 matrix in row-major order (16 numbers) that maps voxel indices `(d, h, w, 1)` to RAS mm. */
export type Affine = readonly number[];

/** The affine with the given spacing in mm along the axes and the given position of voxel (0, 0, 0) in mm. */
export function scalingAffine(spacing: Triple, origin: Triple = [0, 0, 0]): Affine {
  const [x, y, z] = spacing;
  return [x, 0, 0, origin[0], 0, y, 0, origin[1], 0, 0, z, origin[2], 0, 0, 0, 1];
}

/** The affine of the same voxels with the order of their three axes reversed: NIfTI's i, j, k and our D, H, W. */
export function reverseAxes(affine: Affine): Affine {
  return affine.map((_, at) => at % 4 < 3 ? affine[at - at % 4 + 2 - at % 4]! : affine[at]!);
}

/** The matrix product `a · b`: first `b`, then `a`. */
export function multiplyAffine(a: Affine, b: Affine): Affine {
  return Array.from({ length: 16 }, (_, at) => {
    const row = at - at % 4, column = at % 4;
    return a[row]! * b[column]! + a[row + 1]! * b[4 + column]! + a[row + 2]! * b[8 + column]! +
      a[row + 3]! * b[12 + column]!;
  });
}

/** Where an affine takes a point. */
export function applyAffine(a: Affine, [x, y, z]: Triple): Triple {
  return [
    a[0]! * x + a[1]! * y + a[2]! * z + a[3]!,
    a[4]! * x + a[5]! * y + a[6]! * z + a[7]!,
    a[8]! * x + a[9]! * y + a[10]! * z + a[11]!,
  ];
}

/** The determinant of the 3×3 part: mm³ per voxel, negative when the axes are left-handed. */
export function determinant(a: Affine): number {
  return a[0]! * (a[5]! * a[10]! - a[6]! * a[9]!) - a[1]! * (a[4]! * a[10]! - a[6]! * a[8]!) +
    a[2]! * (a[4]! * a[9]! - a[5]! * a[8]!);
}

/**
 * The inverse map, from mm to voxel indices.
 *
 * @throws {DataError} `geometry.affine` when the matrix is singular
 */
export function invertAffine(a: Affine): Affine {
  const det = determinant(a);
  if (!Number.isFinite(1 / det)) {
    throw new DataError("geometry.affine", `the affine is singular (determinant ${det})`, {
      fix: "Repair the header: an affine must map three independent axes.",
    });
  }
  const minor = (r0: number, c0: number, r1: number, c1: number) =>
    (a[4 * r0 + c0]! * a[4 * r1 + c1]! - a[4 * r0 + c1]! * a[4 * r1 + c0]!) / det;
  const m = [
    minor(1, 1, 2, 2),
    -minor(0, 1, 2, 2),
    minor(0, 1, 1, 2),
    -minor(1, 0, 2, 2),
    minor(0, 0, 2, 2),
    -minor(0, 0, 1, 2),
    minor(1, 0, 2, 1),
    -minor(0, 0, 2, 1),
    minor(0, 0, 1, 1),
  ];
  const shift = (row: number) => -(m[row]! * a[3]! + m[row + 1]! * a[7]! + m[row + 2]! * a[11]!);
  return [
    ...m.slice(0, 3),
    shift(0),
    ...m.slice(3, 6),
    shift(3),
    ...m.slice(6, 9),
    shift(6),
    0,
    0,
    0,
    1,
  ];
}

/** The distance in mm between neighbouring voxels along each axis: the lengths of the columns. */
export function spacingOf(a: Affine): Triple {
  return [Math.hypot(a[0]!, a[4]!, a[8]!), Math.hypot(a[1]!, a[5]!, a[9]!), Math.hypot(a[2]!, a[6]!, a[10]!)];
}

/** The largest |cosine| between two of the axes: 0 when they are orthogonal, towards 1 with shear. */
export function shearOf(a: Affine): number {
  const spacing = spacingOf(a);
  const cosine = (i: number, j: number) =>
    Math.abs(a[i]! * a[j]! + a[4 + i]! * a[4 + j]! + a[8 + i]! * a[8 + j]!) / (spacing[i]! * spacing[j]!);
  return Math.max(cosine(0, 1), cosine(0, 2), cosine(1, 2));
}
