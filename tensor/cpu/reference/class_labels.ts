/**
 * Kernels between values and class ids.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { forLines } from "./softmax.ts";

/** The label kernels. */
export const classLabelsKernels: Pick<CpuKernels, "argmax" | "oneHot"> = {
  argmax([x], [out], { axis }) {
    const { data, shape } = x!, results = out!.data;
    let next = 0;
    forLines(shape, axis, (start, step) => {
      let best = 0;
      for (let k = 1; k < shape[axis]!; k++) {
        if (data[start + k * step]! > data[start + best * step]!) best = k;
      }
      results[next++] = best;
    });
  },
  oneHot([ids], [out], { axis, classes }) {
    const inner = sizeOf(ids!.shape.slice(axis)), from = ids!.data, results = out!.data;
    results.fill(0);
    for (let i = 0; i < from.length; i++) {
      const id = from[i]!;
      if (id < 0 || id >= classes) continue;
      results[(Math.floor(i / inner) * classes + id) * inner + i % inner] = 1;
    }
  },
};
