/**
 * Picking elements by index.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Kernel } from "../kernel.ts";

/** Each thread fetches one element of the result. */
export const gather: Kernel<KernelAttributes<"gather">> = {
  steps: (call) => {
    const { axis } = call.attributes;
    const { shape } = call.inputs[0]!;
    const inner = sizeOf(shape.slice(axis + 1));
    const count = call.outputs[0]!.shape[axis]!;
    return [{
      label: "gather",
      reads: { x: call.input(0), index: call.input(1) },
      writes: { out: call.output(0) },
      threads: sizeOf(call.outputs[0]!.shape),
      body: `
  let id = index_at((i / ${inner}u) % ${count}u);
  if (id < 0 || id >= ${shape[axis]}) { set_out(i, 0.0); return; }
  set_out(i, x_at((i / ${inner * count}u * ${shape[axis]}u + u32(id)) * ${inner}u + i % ${inner}u));`,
    }];
  },
};
