/**
 * How much memory a case takes to segment, known from the headers of its scans.
 *
 * @module
 */

import { turnGrid, turnOf, turnTo } from "../../data/orientation.ts";
import { commonGrid } from "../../data/prepare/common_grid.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import type { Grid } from "../../data/volume.ts";
import type { Ensemble } from "./ensemble.ts";
import { targetsOf } from "./predict_case.ts";
import { voxelsAtOnce } from "./slab_restorer.ts";

const voxelsOf = ({ shape }: Pick<Grid, "shape">) => shape[0] * shape[1] * shape[2];
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The grids that images are prepared on; cropping makes them smaller. */
function preparedGrids(grids: ReadonlyMap<string, Grid>, preparation: Preparation): Grid[] {
  const { orientation, aligned, spacing } = preparation, all = [...grids.values()], names = [...grids.keys()];
  const leading = turnGrid(all[0]!, turnOf(all[0]!, orientation));
  const turned = all.map((grid) =>
    turnGrid(grid, aligned ? turnTo(grid.affine, leading.affine) : turnOf(grid, orientation))
  );
  return aligned
    ? all.map(() => commonGrid(turned, spacing, names))
    : turned.map((grid, at) => commonGrid([grid], spacing, [names[at]!]));
}

/**
 * Bytes that `predictCase` and the scans it is given take at most, the networks left out. Scans are held as float32
 * while they are segmented; probabilities in slabs as deep as a window; label maps whole, and probabilities whole
 * only where they are asked for or where networks differ in how images are prepared.
 *
 * @param grids of the scans, by modality id
 * @throws {DataError} `geometry.apart` for scans that must overlap and do not
 */
export function caseBytes(
  { preparation: { aligned, classes: foreground }, groups }: Ensemble,
  grids: ReadonlyMap<string, Grid>,
  probabilities: boolean,
): number {
  const classes = foreground.length + 1, float = 4;
  const sizes = [...grids.values()].map(voxelsOf);
  const scans = float * sum(sizes);
  // A scan is read as its file, the numbers in it, and floats.
  const reading = scans + 2 * float * Math.max(...sizes);

  const targets = targetsOf(grids, aligned).map(({ grid }) => voxelsOf(grid));
  const keepsAll = probabilities || groups.length > 1;
  const results = sum(targets) * (1 + (keepsAll ? classes * float : 0));
  const perGroup = groups.map(({ preparation, members }) => {
    const prepared = preparedGrids(grids, preparation), [depth] = members[0]!.segment.patch;
    const images = sum(prepared.map(voxelsOf)) * float;
    const masks = images / float;
    // Each scan is copied in order and normalised; then all are cut to their box.
    const preparing = 2 * (images + masks) + 2 * float * Math.max(...sizes);
    const heads = aligned ? prepared.length : 1;
    const planes = Math.max(...prepared.map(({ shape }) => shape[1] * shape[2]));
    const windows = heads * classes * planes * float * 1.5 * depth; // sums, and the half of them that is finished
    const held = (aligned ? targets.length : 1) * classes * planes * float * (depth + 4);
    const back = 3 * classes * Math.min(voxelsAtOnce, Math.max(...targets)) * float;
    const labels = heads * Math.max(...prepared.map(voxelsOf));
    return Math.max(preparing, images + masks + windows + held + back + labels);
  });
  // A result is written as the bytes of its file, packed and not.
  const writing = 2 * float * Math.max(...targets);
  return Math.max(reading, scans + results + Math.max(...perGroup, writing));
}
