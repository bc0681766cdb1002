/**
 * The squared norm of many tensors: each is cut into chunks, a workgroup sums one as a tree, and the chunks'
 * sums are reduced in a fixed order.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import type { Kernel, Step } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";
import { cutList, pickTensor, totals } from "./tensor_list.ts";

const groupSize = 64;
const chunkLength = groupSize * 64;

/** `Σ x²` over all inputs. */
export const sumOfSquares: Kernel<KernelAttributes<"sumOfSquares">> = {
  steps: (call) => {
    const list = call.inputs.map((_, i) => [call.input(i)]);
    const chunksOf = (length: number) => Math.ceil(length / chunkLength);
    const length = list.reduce((sum, [x]) => sum + chunksOf(x!.length), 0);
    const parts = call.scratch(length);
    let first = 0;
    const steps = cutList(call, list, 1).map((tensors): Step => {
      const lengths = tensors.map(([x]) => x!.length);
      const chunks = lengths.map(chunksOf);
      const groups = chunks.reduce((sum, n) => sum + n, 0);
      const firstPart = first;
      first += groups;
      return {
        label: "sum of squares, chunks",
        reads: Object.fromEntries(tensors.map(([x], k) => [`x${k}`, x!])),
        writes: { parts },
        groups,
        groupSize,
        parameters: {
          first_part: firstPart,
          ...totals(chunks),
          ...Object.fromEntries(lengths.map((length, k) => [`length${k}`, length])),
        },
        code: `var<workgroup> sums: array<f32, ${groupSize}>;`,
        body: `
  var sum = 0.0;
  ${
          pickTensor(tensors.length, "group", (k) => `
    let end = min((at + 1u) * ${chunkLength}u, scalars.length${k});
    for (var j = at * ${chunkLength}u + lane; j < end; j += ${groupSize}u) {
      let x = x${k}_at(j);
      sum += x * x;
    }`)
        }
  sums[lane] = sum;
  for (var half = ${groupSize / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { set_parts(scalars.first_part + group, sums[0]); }`,
      };
    });
    return [
      ...steps,
      ...reductionSteps(call, {
        label: "sum of squares, rest",
        rows: 1,
        length,
        fields: { sum: "f32" },
        identity: "Acc()",
        reads: { parts },
        writes: { out: call.output(0) },
        element: "return Acc(parts_at(k));",
        combine: "return Acc(a.sum + b.sum);",
        store: "set_out(row, acc.sum);",
      }),
    ];
  },
};
