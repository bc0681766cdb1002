/**
 * Cutting a grid of tokens into windows, and putting it together again.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import { shapeText, type Triple } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { pad, slice } from "./layout.ts";

const countsOf = (grid: Triple, window: Triple): Triple =>
  grid.map((n, axis) => Math.ceil(n / window[axis]!)) as unknown as Triple;

/**
 * Cuts `[N,D,H,W,C]` into `[N·windows,wD,wH,wW,C]`. A grid that is no multiple of the window is padded with
 * zeros at the high end.
 *
 * @throws {ShapeError} `shape.rank`
 */
export function windowPartition(x: Tensor, window: Triple): Tensor {
  if (x.shape.length !== 5) {
    throw new ShapeError(
      "shape.rank",
      `windowPartition: input must be [N,D,H,W,C], got ${shapeText(x.shape)}`,
    );
  }
  const [n, d, h, w, c] = x.shape as [number, number, number, number, number];
  const [cd, ch, cw] = countsOf([d, h, w], window);
  const [wd, wh, ww] = window;
  return pad(x, [0, 0, 0, 0, 0], [0, cd * wd - d, ch * wh - h, cw * ww - w, 0])
    .reshape([n, cd, wd, ch, wh, cw, ww, c])
    .permute([0, 1, 3, 5, 2, 4, 6, 7])
    .reshape([n * cd * ch * cw, wd, wh, ww, c]);
}

/**
 * Undoes {@link windowPartition}: from `[N·windows,wD,wH,wW,C]` to `[N,...grid,C]`, without the padding.
 *
 * @throws {ShapeError} `shape.size` when the windows do not make up the grid
 */
export function windowReverse(windows: Tensor, grid: Triple): Tensor {
  const [count, wd, wh, ww, c] = windows.shape as [number, number, number, number, number];
  const [cd, ch, cw] = countsOf(grid, [wd, wh, ww]);
  const n = count / (cd * ch * cw);
  if (!Number.isInteger(n)) {
    throw new ShapeError(
      "shape.size",
      `windowReverse: ${shapeText(windows.shape)} does not make up grids of ${shapeText(grid)}`,
    );
  }
  const whole = windows.reshape([n, cd, ch, cw, wd, wh, ww, c])
    .permute([0, 1, 4, 2, 5, 3, 6, 7])
    .reshape([n, cd * wd, ch * wh, cw * ww, c]);
  const size = [n, ...grid, c];
  return size.every((length, axis) => length === whole.shape[axis])
    ? whole
    : slice(whole, [0, 0, 0, 0, 0], size);
}
