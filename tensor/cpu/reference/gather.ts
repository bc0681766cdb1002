/**
 * The gather kernel.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";

/** Copies elements by their index along an axis; what no index names stays 0. */
export const gatherKernels: Pick<CpuKernels, "gather"> = {
  gather([x, index], [out], { axis }) {
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const outer = sizeOf(x!.shape.slice(0, axis));
    const [n, count] = [x!.shape[axis]!, index!.data.length];
    out!.data.fill(0);
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < count; j++) {
        const id = index!.data[j]!;
        if (id < 0 || id >= n) continue;
        const from = (o * n + id) * inner;
        for (let k = 0; k < inner; k++) out!.data[(o * count + j) * inner + k] = x!.data[from + k]!;
      }
    }
  },
};
