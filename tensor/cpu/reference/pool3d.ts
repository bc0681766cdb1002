/**
 * Pooling kernels.
 *
 * @module
 */

import type { PoolAttributes } from "../../ops/pool3d.ts";
import type { Shape } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";

/**
 * Visits the windows of `x [N,C,D,H,W]`: the flat output index, the flat index of the block `[D,H,W]` it
 * lies in, and the positions in the block, in row-major order.
 */
function forWindows(
  x: Shape,
  y: Shape,
  { kernel, stride }: PoolAttributes,
  visit: (output: number, block: number, positions: readonly number[]) => void,
): void {
  const [samples, channels, D, H, W] = x as [number, number, number, number, number];
  const [, , oD, oH, oW] = y as [number, number, number, number, number];
  const positions = new Array<number>(kernel[0] * kernel[1] * kernel[2]);
  let output = 0;
  for (let block = 0; block < samples * channels; block++) {
    for (let od = 0; od < oD; od++) {
      for (let oh = 0; oh < oH; oh++) {
        for (let ow = 0; ow < oW; ow++) {
          let k = 0;
          for (let d = 0; d < kernel[0]; d++) {
            for (let h = 0; h < kernel[1]; h++) {
              const row = ((od * stride[0] + d) * H + oh * stride[1] + h) * W + ow * stride[2];
              for (let w = 0; w < kernel[2]; w++) positions[k++] = row + w;
            }
          }
          visit(output++, block * D * H * W, positions);
        }
      }
    }
  }
}

/** The pooling kernels. */
export const pool3dKernels: Pick<
  CpuKernels,
  "maxPool3d" | "maxPool3dGrad" | "avgPool3d" | "avgPool3dGrad"
> = {
  maxPool3d([x], [out, winner], attributes) {
    const { data } = x!;
    forWindows(x!.shape, out!.shape, attributes, (output, block, positions) => {
      let best = positions[0]!;
      for (const position of positions) {
        const value = data[block + position]!;
        const champion = data[block + best]!;
        if (value > champion || (Number.isNaN(value) && !Number.isNaN(champion))) best = position;
      }
      out!.data[output] = data[block + best]!;
      winner!.data[output] = best;
    });
  },
  maxPool3dGrad([g, winner], [out]) {
    const [from, to] = [g!.data, out!.data];
    const blocks = out!.shape[0]! * out!.shape[1]!;
    const [voxels, windows] = [to.length / blocks, from.length / blocks];
    const sums = new Float64Array(to.length);
    for (let i = 0; i < from.length; i++) {
      sums[Math.floor(i / windows) * voxels + winner!.data[i]!]! += from[i]!;
    }
    to.set(sums);
  },
  avgPool3d([x], [out], attributes) {
    const { data } = x!;
    forWindows(x!.shape, out!.shape, attributes, (output, block, positions) => {
      let sum = 0;
      for (const position of positions) sum += data[block + position]!;
      out!.data[output] = sum / positions.length;
    });
  },
  avgPool3dGrad([g], [out], attributes) {
    const sums = new Float64Array(out!.data.length);
    forWindows(out!.shape, g!.shape, attributes, (output, block, positions) => {
      const share = g!.data[output]! / positions.length;
      for (const position of positions) sums[block + position]! += share;
    });
    out!.data.set(sums);
  },
};
