/**
 * Batched matrix product.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import { broadcastWalk, ravel, unravel } from "../indexing.ts";
import type { Kernel } from "../kernel.ts";

/** `a · b`, each thread one element. */
export const matmul: Kernel<KernelAttributes<"matmul">> = {
  steps: (call) => {
    const { transposeA, transposeB } = call.attributes;
    const [a, b, out] = [call.inputs[0]!.shape, call.inputs[1]!.shape, call.outputs[0]!.shape];
    const [m, n] = [out.at(-2)!, out.at(-1)!];
    const inner = transposeA ? a.at(-2)! : a.at(-1)!;
    const batch = broadcastWalk(out.slice(0, -2), [a.slice(0, -2), b.slice(0, -2)]);
    const aAt = transposeA ? `k * ${m}u + row` : `row * ${inner}u + k`;
    const bAt = transposeB ? `column * ${inner}u + k` : `k * ${n}u + column`;
    return [{
      label: "matmul",
      reads: { a: call.input(0), b: call.input(1) },
      writes: { out: call.output(0) },
      threads: sizeOf(out),
      body: `
  let column = i % ${n}u;
  let row = (i / ${n}u) % ${m}u;
  let batch = i / ${m * n}u;
  ${unravel("batch", batch.shape, "p")}
  let a0 = (${ravel("p", batch.strides[0]!)}) * ${m * inner}u;
  let b0 = (${ravel("p", batch.strides[1]!)}) * ${inner * n}u;
  var acc = 0.0;
  for (var k = 0u; k < ${inner}u; k++) { acc += a_at(a0 + ${aAt}) * b_at(b0 + ${bAt}); }
  set_out(i, acc);`,
    }];
  },
};
