/**
 * Turning volumes so that their axes run to the patient's Right, Anterior and Superior, and back.
 *
 * Both ways are views: axes are exchanged and reversed, no voxel is moved or interpolated. An oblique volume is
 * turned to the nearest axes and keeps its oblique affine.
 *
 * @module
 */

import { type Affine, multiplyAffine, spacingOf, type Triple } from "./affine.ts";
import { type Grid, makeVolume, shapeOf, type Volume, type VoxelArray } from "./volume.ts";

/** Which voxel axis lies nearest to each anatomical axis, and whether it runs the other way. */
export interface Orientation {
  /** For R, A and S the index of the voxel axis. */
  readonly axes: Triple;
  /** For R, A and S whether that voxel axis runs to L, P or I instead. */
  readonly flips: readonly [boolean, boolean, boolean];
  /** Where the voxel axes run, such as `LPS`. */
  readonly code: string;
}

const permutations: readonly Triple[] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/** The orientation of a grid: the assignment of axes with the largest sum of |cosines|. */
export function orientationOf(affine: Affine): Orientation {
  const spacing = spacingOf(affine);
  const cosine = (world: number, axis: number) => affine[4 * world + axis]! / spacing[axis]!;
  const total = (axes: Triple) => axes.reduce((sum, axis, world) => sum + Math.abs(cosine(world, axis)), 0);
  const axes = permutations.reduce((best, next) => total(next) > total(best) + 1e-9 ? next : best);
  const flipped = (world: number) => cosine(world, axes[world]!) < 0;
  const flips = [flipped(0), flipped(1), flipped(2)] as const;
  const letters = ["RL", "AP", "SI"];
  const code = [0, 1, 2].map((axis) => {
    const world = axes.indexOf(axis);
    return letters[world]![flips[world]! ? 1 : 0];
  }).join("");
  return { axes, flips, code };
}

/** The grid that {@link toRas} turns a grid into. */
export function rasGrid(grid: Grid): Grid {
  const { axes, flips } = orientationOf(grid.affine);
  const turn = new Array<number>(16).fill(0);
  turn[15] = 1;
  axes.forEach((axis, world) => {
    turn[4 * axis + world] = flips[world] ? -1 : 1;
    if (flips[world]) turn[4 * axis + 3] = grid.shape[axis]! - 1;
  });
  const affine = multiplyAffine(grid.affine, turn);
  const [a, b, c] = axes;
  return { shape: [grid.shape[a]!, grid.shape[b]!, grid.shape[c]!], affine, spacing: spacingOf(affine) };
}

/**
 * The same volume with axes that run to Right, Anterior, Superior: a view over the same voxels.
 *
 * @example
 * ```ts
 * import { toRas } from "./orientation.ts";
 * import { volumeFrom } from "./volume.ts";
 * import assert from "node:assert/strict";
 *
 * const left = volumeFrom(new Uint8Array([1, 2]), [2, 1, 1], [-3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
 * const right = toRas(left);
 * assert.deepEqual([right.array.get(0, 0, 0), right.affine[0], right.affine[3]], [2, 3, -3]);
 * ```
 */
export function toRas<T extends VoxelArray>(volume: Volume<T>): Volume<T> {
  const { axes, flips } = orientationOf(volume.affine);
  const { affine } = rasGrid({
    shape: shapeOf(volume),
    affine: volume.affine,
    spacing: volume.spacing,
  });
  const array = volume.array.transpose(...axes).step(...flips.map((flip) => flip ? -1 : 1));
  return makeVolume(array, affine);
}

/**
 * The exact inverse of {@link toRas}: a view with the axes, and bit for bit the affine, of the original grid.
 *
 * @param volume a volume on `rasGrid(grid)`
 * @param grid the grid the volume had before it was turned
 */
export function fromRas<T extends VoxelArray>(volume: Volume<T>, grid: Grid): Volume<T> {
  const { axes, flips } = orientationOf(grid.affine);
  const back = [0, 1, 2].map((axis) => axes.indexOf(axis));
  const array = volume.array.step(...flips.map((flip) => flip ? -1 : 1)).transpose(...back);
  return makeVolume(array, grid.affine);
}
