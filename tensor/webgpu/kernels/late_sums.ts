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
      const parameters = tensors.flatMap(([parts], k) => {
        const { terms, elementStride, termStride } = call.attributes.sums[parts!.at]!;
        return [[`terms${k}`, terms], [`element${k}`, elementStride], [`term${k}`, termStride]] as const;
      });
      return {
        label: "late sums",
        reads: Object.fromEntries(tensors.map(([parts], k) => [`parts${k}`, parts!])),
        writes: Object.fromEntries(tensors.map(([, out], k) => [`out${k}`, out!])),
        threads: lengths.reduce((sum, length) => sum + length, 0),
        counted: true,
        parameters: { ...totals(lengths), ...Object.fromEntries(parameters) },
        body: pickTensor(tensors.length, "i", (k) => `
  var sum = 0.0;
  for (var t = 0u; t < scalars.terms${k}; t++) {
    sum += parts${k}_at(at * scalars.element${k} + t * scalars.term${k});
  }
  set_out${k}(at, sum);`),
      };
    });
  },
};
