/**
 * The last additions of sums that were computed in parts: those of many ops in one dispatch, when the first of the
 * results is wanted.
 *
 * @module
 */

import type { Kernel, Step, Terms } from "../kernel.ts";
import { cutList, pickTensor, totals } from "./tensor_list.ts";

/** Input k holds the parts of output k, which are added in their order. */
export const lateSums: Kernel<{ readonly sums: readonly Terms[] }> = {
  steps: (call): readonly Step[] => {
    const list = call.outputs.map((_, k) => [call.input(k), call.output(k)]);
    return cutList(call, list, 0).map((tensors) => {
      const lengths = tensors.map(([, out]) => out!.length);
      return {
        label: "late sums",
        reads: Object.fromEntries(tensors.map(([parts], k) => [`parts${k}`, parts!])),
        writes: Object.fromEntries(tensors.map(([, out], k) => [`out${k}`, out!])),
        threads: lengths.reduce((sum, length) => sum + length, 0),
        counted: true,
        parameters: totals(lengths),
        body: pickTensor(tensors.length, "i", (k) => {
          const { terms, elementStride, termStride } = call.attributes.sums[tensors[k]![0]!.at]!;
          // Constants: where a large shader's loop ends at a uniform, Mesa's software driver makes the shader anew
          // for every dispatch, and keeps them all.
          return `
  var sum = 0.0;
  for (var t = 0u; t < ${terms}u; t++) { sum += parts${k}_at(at * ${elementStride}u + t * ${termStride}u); }
  set_out${k}(at, sum);`;
        }),
      };
    });
  },
};
