/**
 * Resampling to another grid, and its gradient.
 *
 * @module
 */

import { type ResizeAttributes, resizeNeighbours } from "../../ops/resize3d.ts";
import type { Shape } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";

/** Visits every pair of an output and an input voxel that it takes part of, by flat index. */
function forPairs(
  x: Shape,
  y: Shape,
  attributes: ResizeAttributes,
  visit: (input: number, output: number, weight: number) => void,
): void {
  const [samples, channels, D, H, W] = x as [number, number, number, number, number];
  const [, , oD, oH, oW] = y as [number, number, number, number, number];
  const alongD = resizeNeighbours(attributes, D, oD);
  const alongH = resizeNeighbours(attributes, H, oH);
  const alongW = resizeNeighbours(attributes, W, oW);
  let output = 0;
  for (let block = 0; block < samples * channels; block++) {
    for (const d of alongD) {
      for (const h of alongH) {
        for (const w of alongW) {
          for (let corner = 0; corner < 8; corner++) {
            const [isD, isH, isW] = [corner & 4, corner & 2, corner & 1];
            const weight = (isD ? d.weight : 1 - d.weight) * (isH ? h.weight : 1 - h.weight) *
              (isW ? w.weight : 1 - w.weight);
            if (weight === 0) continue;
            const row = (block * D + (isD ? d.second : d.first)) * H + (isH ? h.second : h.first);
            visit(row * W + (isW ? w.second : w.first), output, weight);
          }
          output++;
        }
      }
    }
  }
}

/** The resampling kernels. */
export const resize3dKernels: Pick<CpuKernels, "resize3d" | "resize3dGrad"> = {
  resize3d([x], [out], attributes) {
    const sums = new Float64Array(out!.data.length);
    const { data } = x!;
    forPairs(x!.shape, out!.shape, attributes, (input, output, weight) => {
      sums[output]! += weight * data[input]!;
    });
    out!.data.set(sums);
  },
  resize3dGrad([g], [out], attributes) {
    const sums = new Float64Array(out!.data.length);
    const { data } = g!;
    forPairs(out!.shape, g!.shape, attributes, (input, output, weight) => {
      sums[input]! += weight * data[output]!;
    });
    out!.data.set(sums);
  },
};
