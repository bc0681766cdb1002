/**
 * Dropout.
 *
 * @module
 */

import { dropoutThreshold } from "../../ops/dropout.ts";
import { threefry } from "../../random.ts";
import type { CpuKernels } from "../kernel.ts";

/** The dropout kernel. */
export const dropoutKernels: Pick<CpuKernels, "dropout"> = {
  dropout([x], [out], { rate, key }) {
    const threshold = dropoutThreshold(rate);
    const scale = 1 / (1 - rate);
    const [from, to] = [x!.data, out!.data];
    for (let i = 0; i < from.length; i += 2) {
      const words = threefry(key[0], key[1], i / 2, 0);
      for (let k = 0; k < Math.min(2, from.length - i); k++) {
        to[i + k] = words[k]! < threshold ? 0 : from[i + k]! * scale;
      }
    }
  },
};
