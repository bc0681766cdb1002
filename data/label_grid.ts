/**
 * Brings a label map into the axis order of its image.
 *
 * Programs store the same grid with its axes in another order or direction, and near 45° two affines that differ by
 * rounding turn to different anatomical axes. A label map that lies on its image's grid therefore takes over the image's
 * axes and affine, and from then on turns as the image does.
 *
 * @module
 */

import { multiplyAffine, spacingOf, type Triple } from "./affine.ts";
import type { DataWarning } from "./errors.ts";
import { checkSameGrid, sameGrid } from "./grid_check.ts";
import { largestGap } from "./nifti/affine.ts";
import { type Grid, gridOf, makeVolume, type Volume } from "./volume.ts";

/** New axis i is old axis `axes[i]`, reversed where `flips[i]`. */
interface Turn {
  readonly axes: Triple;
  readonly flips: readonly boolean[];
}

const orders: readonly Triple[] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const turns: readonly Turn[] = orders.flatMap((axes) =>
  Array.from({ length: 8 }, (_, bits) => ({ axes, flips: [0, 1, 2].map((axis) => (bits >> axis & 1) === 1) }))
);

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
  const grid = gridOf(label);
  const { turn, turned } = bestTurn(grid, image);
  const warnings = checkSameGrid(image, turned, what);
  const array = label.array.transpose(...turn.axes).step(...turn.flips.map((flip) => flip ? -1 : 1));
  return { label: makeVolume(array, image.affine), warnings };
}

/** The order of axes that brings a grid closest to another; as it is when none has the other's shape. */
function bestTurn(grid: Grid, target: Grid): { turn: Turn; turned: Grid } {
  const asItIs = { turn: turns[0]!, turned: grid };
  if (sameGrid(grid, target)) return asItIs;
  let best = asItIs, least = Infinity;
  for (const turn of turns) {
    const turned = turnedGrid(grid, turn);
    if (turned.shape.some((length, axis) => length !== target.shape[axis])) continue;
    const gap = largestGap(turned.affine, target.affine, target.shape);
    if (gap < least) [best, least] = [{ turn, turned }, gap];
  }
  return best;
}

function turnedGrid({ shape, affine }: Grid, { axes, flips }: Turn): Grid {
  const back = new Array<number>(16).fill(0);
  back[15] = 1;
  axes.forEach((old, axis) => {
    back[4 * old + axis] = flips[axis] ? -1 : 1;
    if (flips[axis]) back[4 * old + 3] = shape[old]! - 1;
  });
  const turned = multiplyAffine(affine, back);
  const [a, b, c] = axes;
  return { shape: [shape[a]!, shape[b]!, shape[c]!], affine: turned, spacing: spacingOf(turned) };
}
