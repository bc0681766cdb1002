/** The same voxels stored in other ways. */

import { type Affine, multiplyAffine } from "../../data/affine.ts";
import { turnVolume } from "../../data/orientation.ts";
import { rowMajor, shapeOf, type Volume, volumeFrom, type VoxelArray } from "../../data/volume.ts";

/** All 48 orders and directions of three axes. */
export const storings = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].flatMap((axes) =>
  Array.from({ length: 8 }, (_, bits) => ({
    axes: axes as unknown as readonly [number, number, number],
    flips: [0, 1, 2].map((at) => (bits >> at & 1) === 1) as [boolean, boolean, boolean],
  }))
);

/** The volume with its axes stored otherwise, in memory of its own. */
export function storedAs<T extends VoxelArray>(
  volume: Volume<T>,
  storing: typeof storings[number],
): Volume<T> {
  const turned = turnVolume(volume, storing);
  return volumeFrom(rowMajor(turned).slice() as T, shapeOf(turned), turned.affine);
}

/** The volume turned in space about the origin, by angles in radians about R, A and S. */
export function rotated<T extends VoxelArray>(
  { array, affine }: Volume<T>,
  angles: readonly number[],
): Volume<T> {
  const about = (axis: number, angle: number): Affine => {
    const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
    const m = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    m[4 * a + a] = m[4 * b + b] = Math.cos(angle);
    m[4 * b + a] = Math.sin(angle);
    m[4 * a + b] = -Math.sin(angle);
    return m;
  };
  const turn = angles.map((angle, axis) => about(axis, angle)).reduce(multiplyAffine);
  return volumeFrom(
    rowMajor({ array }).slice() as T,
    [...array.shape] as [number, number, number],
    multiplyAffine(turn, affine),
  );
}
