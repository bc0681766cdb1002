/**
 * Kernels and strides of a U-Net for patches of a given size and voxels of a given shape.
 *
 * The rules are nnU-Net's (Isensee et al. 2021): an axis is pooled and looked along only once the voxels of the
 * other axes have grown to within a factor of 2 of its own, and no axis is pooled below 4 voxels.
 *
 * @module
 */

import type { Triple } from "../../tensor/shape.ts";
import type { UnetLevel } from "../unet_shape.ts";

/** Levels, and the patch they take. */
export interface Topology {
  /** Kernel and stride of each level, from the finest. */
  readonly levels: readonly UnetLevel[];
  /** The wanted patch, each size rounded up to a multiple of its axis' stride. */
  readonly patch: [number, number, number];
}

/** Voxels that an axis keeps at the bottleneck. */
const least = 4;
/** Voxels longer than the shortest by this factor are thick: their axis waits. */
const thick = 2;
/** More levels only add cost: the widths do not grow below the fourth. */
const mostLevels = 6;

/**
 * Derives levels for a patch.
 *
 * @param wanted voxels along D, H, W
 * @param spacing voxel size along D, H, W in mm
 *
 * @example Thick slices are looked at one by one until pixels have grown
 * ```ts
 * import { topologyOf } from "./topology.ts";
 * import assert from "node:assert/strict";
 *
 * const { levels, patch } = topologyOf([6, 96, 96], [10, 1, 1]);
 * assert.deepEqual(patch, [6, 96, 96]);
 * assert.deepEqual(levels.map(({ kernel }) => kernel[0]), [1, 1, 1, 3, 3]);
 * assert.deepEqual(levels.map(({ stride }) => stride.join("×")), ["1×1×1", "1×2×2", "1×2×2", "1×2×2", "1×2×2"]);
 * ```
 */
export function topologyOf(wanted: Triple, spacing: Triple): Topology {
  const size = [...wanted], voxel = [...spacing], product = [1, 1, 1];
  const looks = [false, false, false]; // axes that kernels reach along; once they do, they do at all deeper levels
  const levels: UnetLevel[] = [];
  let stride = [1, 1, 1];
  while (true) {
    const shortest = Math.min(...voxel.filter((_, axis) => size[axis]! > 1), Infinity);
    looks.forEach((already, axis) =>
      looks[axis] = already || (size[axis]! > 1 && voxel[axis]! < thick * shortest)
    );
    levels.push({
      kernel: looks.map((does) => does ? 3 : 1) as unknown as Triple,
      stride: stride as unknown as Triple,
    });
    stride = looks.map((does, axis) =>
      does && size[axis]! >= 2 * least && voxel[axis]! < thick * shortest ? 2 : 1
    );
    if (levels.length === mostLevels || stride.every((factor) => factor === 1)) break;
    stride.forEach((factor, axis) => {
      size[axis] = Math.ceil(size[axis]! / factor);
      voxel[axis]! *= factor;
      product[axis]! *= factor;
    });
  }
  const patch = wanted.map((n, axis) => Math.ceil(n / product[axis]!) * product[axis]!);
  return { levels, patch: patch as [number, number, number] };
}
