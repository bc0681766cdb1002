import { ndarray } from "../../eval/deps.ts";
import type { LabelGrid, Triple } from "../../eval/metrics/label_grid.ts";

/** A label grid filled by a function of the voxel indices. */
export function makeGrid(
  shape: Triple,
  spacing: Triple,
  label: (z: number, y: number, x: number) => number,
): LabelGrid {
  const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
  let at = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[2]; x++) data[at++] = label(z, y, x);
  }
  return { array: ndarray(data, [...shape]), spacing };
}

/** A ball of label 1. */
export function makeBall(shape: Triple, spacing: Triple, centre: Triple, radius: number): LabelGrid {
  return makeGrid(
    shape,
    spacing,
    (z, y, x) => (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= radius ** 2 ? 1 : 0,
  );
}
