/**
 * The squared norm of many tensors.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";

/** Adds up the squares of all elements. */
export const sumOfSquaresKernels: Pick<CpuKernels, "sumOfSquares"> = {
  sumOfSquares(inputs, [out]) {
    let total = 0;
    for (const { data } of inputs) for (let i = 0; i < data.length; i++) total += data[i]! ** 2;
    out!.data[0] = total;
  },
};
