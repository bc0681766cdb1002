/**
 * Turning volumes so that their axes are named alike in every case, and back.
 *
 * The convention of the whole toolkit: arrays are indexed `[D,H,W]`, row-major, W fastest. D is the through-plane
 * axis, the one with the largest voxel; in nearly isotropic volumes it runs from Inferior to Superior. How H and W
 * follow is an {@link Orientation}:
 *
 * - `anatomical`: every axis is turned to the nearest anatomical one, and indices grow towards Superior, Anterior
 *   and Right. With `through: "S"`, by far the most frequent, `[D,H,W]` runs along S, A, R; with `"A"` (coronal
 *   stacks) along A, S, R; with `"R"` (sagittal stacks) along R, S, A.
 * - `slices`: D is each volume's own through-plane axis, H and W are the axes of its slices as they are stored. For
 *   stacks whose direction differs from case to case, such as short-axis views of the heart. D runs so that
 *   W, H, D is a right-handed system, however the slices were ordered.
 *
 * Both ways are views: axes are exchanged and reversed, no voxel is moved or interpolated. An oblique volume is
 * turned to the nearest axes and keeps its oblique affine.
 *
 * @module
 */

import { type Affine, determinant, multiplyAffine, spacingOf, type Triple } from "./affine.ts";
import { type Grid, gridOf, makeVolume, type Volume, type VoxelArray } from "./volume.ts";

/** An anatomical direction that an axis can run along. */
export type Direction = "S" | "A" | "R";

/** How the axes of all cases of a data set are named. */
export type Orientation =
  | {
    /** Axes are turned to the nearest anatomical ones. */
    readonly rule: "anatomical";
    /** The direction that D runs along. */
    readonly through: Direction;
  }
  | {
    /** D is the through-plane axis of each volume, H and W are the axes of its slices as stored. */
    readonly rule: "slices";
  };

/** How a grid is turned: which of its axes become D, H and W, and which of those are reversed. */
export interface Turn {
  /** For D, H and W the axis of the grid. */
  readonly axes: Triple;
  /** For D, H and W whether that axis is reversed. */
  readonly flips: readonly [boolean, boolean, boolean];
}

/** What volumes are turned to where nothing else is known, such as for a picture. */
export const superiorFirst: Orientation = { rule: "anatomical", through: "S" };

/** The directions of D, H and W when D runs along one of them. */
export const directionsThrough: Readonly<Record<Direction, readonly [Direction, Direction, Direction]>> = {
  S: ["S", "A", "R"],
  A: ["A", "S", "R"],
  R: ["R", "S", "A"],
};

const worldAxis: Readonly<Record<Direction, number>> = { R: 0, A: 1, S: 2 };
const permutations: readonly Triple[] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/** Sums of cosines and products of cosines that differ by less are a tie: what float32 affines leave uncertain. */
const tie = 1e-5;

/** Voxels that are longer along one axis than along each other one by this factor form slices across it. */
const sliceRatio = 1.5;

/**
 * The turn that brings a grid's axes nearest to three given directions: the assignment with the largest sum of
 * |cosines|. At a tie, such as a rotation by 45°, the one whose first axis leans to the same side of the first two
 * directions wins: that depends on where the axes lie in space and not on the order they are stored in.
 *
 * @param directions for D, H and W a unit vector in RAS mm
 */
function turnTowards(affine: Affine, directions: readonly Triple[]): Turn {
  const spacing = spacingOf(affine);
  const cosines = directions.map((direction) =>
    [0, 1, 2].map((axis) =>
      direction.reduce((sum, x, world) => sum + x * affine[4 * world + axis]!, 0) / spacing[axis]!
    )
  );
  const rank = (axes: Triple) => [
    axes.reduce((sum, axis, at) => sum + Math.abs(cosines[at]![axis]!), 0),
    cosines[0]![axes[0]]! * cosines[1]![axes[0]]!,
    cosines[0]![axes[0]]! * cosines[2]![axes[0]]!,
    cosines[1]![axes[1]]! * cosines[2]![axes[1]]!,
  ];
  const isBefore = (a: Triple, b: Triple) => {
    const [x, y] = [rank(a), rank(b)];
    const at = x.findIndex((value, i) => Math.abs(value - y[i]!) > tie);
    return at !== -1 && x[at]! > y[at]!;
  };
  const axes = permutations.reduce((best, next) => isBefore(next, best) ? next : best);
  const flips = axes.map((axis, at) => cosines[at]![axis]! < 0) as [boolean, boolean, boolean];
  return { axes, flips };
}

function unitVector(direction: Direction): Triple {
  const world = worldAxis[direction];
  return [+(world === 0), +(world === 1), +(world === 2)];
}

/**
 * The axis along which voxels are at least 1.5 times as long as along each other one: a stack of slices. Nothing
 * for nearly isotropic voxels.
 */
export function throughPlaneAxis(spacing: Triple): number | undefined {
  const longest = longestAxis(spacing);
  const others = spacing.filter((_, axis) => axis !== longest);
  return spacing[longest]! >= sliceRatio * Math.max(...others) ? longest : undefined;
}

/** The axis with the largest voxel; of equally long ones the slowest in memory. */
function longestAxis(spacing: Triple): number {
  return [1, 2].reduce((best, axis) => spacing[axis]! > 1.001 * spacing[best]! ? axis : best, 0);
}

/** The anatomical direction nearest to an axis of a grid. */
export function directionOf(affine: Affine, axis: number): Direction {
  const { axes } = turnTowards(affine, directionsThrough.S.map(unitVector));
  return directionsThrough.S[axes.indexOf(axis)]!;
}

/**
 * Where the axes of a grid run, such as `SPL` for axes to Superior, Posterior and Left.
 *
 * @example
 * ```ts
 * import { axisCodes } from "./orientation.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(axisCodes([0, 0, -1, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]), "SPL");
 * ```
 */
export function axisCodes(affine: Affine): string {
  const { axes, flips } = turnTowards(affine, directionsThrough.S.map(unitVector));
  const letters = ["SI", "AP", "RL"];
  return [0, 1, 2].map((axis) => {
    const at = axes.indexOf(axis);
    return letters[at]![flips[at] ? 1 : 0];
  }).join("");
}

/** How a grid is turned to `[D,H,W]` under an orientation. */
export function turnOf(
  { affine, spacing }: Pick<Grid, "affine" | "spacing">,
  orientation: Orientation,
): Turn {
  if (orientation.rule === "anatomical") {
    return turnTowards(affine, directionsThrough[orientation.through].map(unitVector));
  }
  const through = longestAxis(spacing);
  const [h, w] = [0, 1, 2].filter((axis) => axis !== through) as [number, number];
  const column = (axis: number) => [0, 4, 8].map((row) => affine[row + axis]!);
  const [x, y, z] = [column(w), column(h), column(through)];
  const handed = determinant([x, y, z].flatMap((c) => [...c, 0]));
  return { axes: [through, h, w], flips: [handed < 0, false, false] };
}

/** How a grid is turned so that its axes lie nearest to those of another one. */
export function turnTo(affine: Affine, reference: Affine): Turn {
  const spacing = spacingOf(reference);
  const directions = [0, 1, 2].map((axis) =>
    [0, 4, 8].map((row) => reference[row + axis]! / spacing[axis]!) as unknown as Triple
  );
  return turnTowards(affine, directions);
}

/** The grid that a turn makes of a grid. */
export function turnGrid({ affine, shape }: Grid, { axes, flips }: Turn): Grid {
  const matrix = new Array<number>(16).fill(0);
  matrix[15] = 1;
  axes.forEach((axis, at) => {
    matrix[4 * axis + at] = flips[at] ? -1 : 1;
    if (flips[at]) matrix[4 * axis + 3] = shape[axis]! - 1;
  });
  const turned = multiplyAffine(affine, matrix);
  const [d, h, w] = axes;
  return { shape: [shape[d]!, shape[h]!, shape[w]!], affine: turned, spacing: spacingOf(turned) };
}

/** The same volume with turned axes: a view over the same voxels. */
export function turnVolume<T extends VoxelArray>(volume: Volume<T>, turn: Turn): Volume<T> {
  const array = volume.array.transpose(...turn.axes).step(...turn.flips.map((flip) => flip ? -1 : 1));
  return makeVolume(array, turnGrid(gridOf(volume), turn).affine);
}

/**
 * The exact inverse of {@link turnVolume}: a view with the axes, and bit for bit the affine, of the original grid.
 *
 * @param volume a volume on `turnGrid(grid, turn)`
 * @param grid the grid the volume had before it was turned
 */
export function turnBack<T extends VoxelArray>(
  volume: Volume<T>,
  grid: Grid,
  { axes, flips }: Turn,
): Volume<T> {
  const back = [0, 1, 2].map((axis) => axes.indexOf(axis));
  const array = volume.array.step(...flips.map((flip) => flip ? -1 : 1)).transpose(...back);
  return makeVolume(array, grid.affine);
}

/**
 * The same volume with axes that run to Superior, Anterior and Right: how pictures are drawn. A view over the same
 * voxels.
 *
 * @example
 * ```ts
 * import { toAnatomical } from "./orientation.ts";
 * import { volumeFrom } from "./volume.ts";
 * import assert from "node:assert/strict";
 *
 * const left = volumeFrom(new Uint8Array([1, 2]), [1, 1, 2], [0, 0, -3, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
 * const right = toAnatomical(left);
 * assert.deepEqual([right.array.get(0, 0, 0), right.affine[2], right.affine[3]], [2, 3, -3]);
 * ```
 */
export function toAnatomical<T extends VoxelArray>(volume: Volume<T>): Volume<T> {
  return turnVolume(volume, turnOf(volume, superiorFirst));
}
