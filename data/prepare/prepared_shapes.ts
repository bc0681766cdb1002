/**
 * How large cases are once they are prepared, as far as headers tell: before they are cropped.
 *
 * @module
 */

import type { Triple } from "../affine.ts";
import { percentiles } from "../normalise.ts";
import { turnGrid, turnOf, turnTo } from "../orientation.ts";
import type { Grid } from "../volume.ts";
import type { SurveyedCase } from "./choose.ts";
import { commonGrid } from "./common_grid.ts";
import type { Preparation } from "./preparation.ts";

/** The shape `[D,H,W]` of each prepared image; aligned images of a case count once. */
export function preparedShapes(
  cases: readonly SurveyedCase[],
  { orientation, aligned, spacing }: Pick<Preparation, "orientation" | "aligned" | "spacing">,
): Triple[] {
  const own = (grid: Grid) => turnGrid(grid, turnOf(grid, orientation));
  return cases.flatMap(({ id, images }) => {
    if (!aligned) return images.map((grid) => commonGrid([own(grid)], spacing, [id]).shape);
    if (images.length === 0) return [];
    const leading = own(images[0]!);
    const turned = images.map((grid, at) =>
      at === 0 ? leading : turnGrid(grid, turnTo(grid.affine, leading.affine))
    );
    return [commonGrid(turned, spacing, images.map((_, at) => `case ${id} (image ${at + 1})`)).shape];
  });
}

/** The median along each axis, in whole voxels. */
export function medianShape(shapes: readonly Triple[]): Triple {
  const along = (axis: number) => Math.round(percentiles(shapes.map((shape) => shape[axis]!), [50])[0]!);
  return [along(0), along(1), along(2)];
}
