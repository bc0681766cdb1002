/**
 * Smooth random deformations.
 *
 * @module
 */

import type { Random } from "../tensor/random.ts";
import type { Triple } from "./affine.ts";
import { sampleAffine } from "./resample.ts";

/**
 * A random displacement for every voxel: normal at the nodes of a coarse grid, trilinear between them.
 *
 * @param deviationMm standard deviation of each component at the nodes, in mm
 * @param nodes nodes along each axis
 * @returns `[3,D,H,W]` in voxels of the given spacing
 */
export function elasticField(
  shape: Triple,
  spacing: Triple,
  deviationMm: number,
  random: Random,
  nodes = 5,
): Float32Array<ArrayBuffer> {
  const count = shape[0] * shape[1] * shape[2];
  const field = new Float32Array(3 * count);
  const step = shape.map((length) => (nodes - 1) / Math.max(1, length - 1));
  const map = [step[0]!, 0, 0, 0, 0, step[1]!, 0, 0, 0, 0, step[2]!, 0, 0, 0, 0, 1];
  for (let axis = 0; axis < 3; axis++) {
    const coarse = Float32Array.from(
      { length: nodes ** 3 },
      () => random.normal(0, deviationMm / spacing[axis]!),
    );
    const target = field.subarray(axis * count, (axis + 1) * count);
    sampleAffine(coarse, [nodes, nodes, nodes], map, target, shape, "linear", 0);
  }
  return field;
}
