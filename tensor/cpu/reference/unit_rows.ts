/**
 * Rows of length 1.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";

/** Rows of length 1, and their gradient. */
export const unitRowsKernels: Pick<CpuKernels, "unitRows" | "unitRowsGrad"> = {
  unitRows([x], [out, norms], { epsilon }) {
    const length = x!.shape.at(-1)!;
    for (let row = 0; row < norms!.data.length; row++) {
      let squares = 0;
      for (let i = row * length; i < (row + 1) * length; i++) squares += x!.data[i]! ** 2;
      const norm = norms!.data[row] = Math.sqrt(Math.max(squares, epsilon));
      for (let i = row * length; i < (row + 1) * length; i++) out!.data[i] = x!.data[i]! / norm;
    }
  },
  unitRowsGrad([g, y, norms], [out], { epsilon }) {
    const length = y!.shape.at(-1)!, root = Math.sqrt(epsilon);
    const floor = norms!.data instanceof Float32Array ? Math.fround(root) : root; // as norms are stored
    for (let row = 0; row < norms!.data.length; row++) {
      const norm = norms!.data[row]!;
      let along = 0;
      if (norm > floor) {
        for (let i = row * length; i < (row + 1) * length; i++) along += g!.data[i]! * y!.data[i]!;
      }
      for (let i = row * length; i < (row + 1) * length; i++) {
        out!.data[i] = (g!.data[i]! - y!.data[i]! * along) / norm;
      }
    }
  },
};
