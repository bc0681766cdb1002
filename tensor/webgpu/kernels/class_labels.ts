/**
 * Kernels between values and class ids.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Kernel } from "../kernel.ts";
import { firstOf, isNan } from "./reduce.ts";
import { reductionSteps } from "./reduction.ts";

/** Index of the largest value along an axis. */
export const argmax: Kernel<KernelAttributes<"argmax">> = {
  steps: (call) => {
    const { shape, dtype } = call.inputs[0]!;
    const length = shape[call.attributes.axis]!;
    const inner = sizeOf(shape.slice(call.attributes.axis + 1));
    return reductionSteps(call, {
      label: "argmax",
      rows: sizeOf(call.outputs[0]!.shape),
      length,
      fields: { value: dtype, at: "i32" },
      identity: `Acc(${dtype}(), -1)`,
      reads: { x: call.input(0) },
      writes: { out: call.output(0) },
      code: `${isNan}\n${firstOf(">", dtype)}`,
      element: `return Acc(x_at((row / ${inner}u) * ${
        length * inner
      }u + k * ${inner}u + row % ${inner}u), i32(k));`,
      combine: `return first_of(a, b);`,
      store: `set_out(row, acc.at);`,
    });
  },
};

/** Class ids to 0/1 along a new axis. */
export const oneHot: Kernel<KernelAttributes<"oneHot">> = {
  steps: (call) => {
    const { axis, classes } = call.attributes;
    const inner = sizeOf(call.inputs[0]!.shape.slice(axis));
    return [{
      label: "oneHot",
      reads: { x: call.input(0) },
      writes: { out: call.output(0) },
      threads: sizeOf(call.outputs[0]!.shape),
      body: `
  let id = x_at((i / ${classes * inner}u) * ${inner}u + i % ${inner}u);
  set_out(i, select(0.0, 1.0, id == i32((i / ${inner}u) % ${classes}u)));`,
    }];
  },
};
