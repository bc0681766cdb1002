/**
 * Opens the CPU device.
 *
 * @module
 */

import { CpuDevice } from "./device.ts";
import { heapMemory } from "./heap_memory.ts";
import { compileElementwise } from "./reference/elementwise.ts";
import { referenceKernels } from "./reference/kernels.ts";

/** A CPU device with float32 storage and the reference kernels, in the calling thread. */
export function openReferenceCpu(): CpuDevice {
  return new CpuDevice({
    description: "cpu: float32 storage, reference kernels, 1 thread",
    memory: heapMemory(Float32Array),
    kernels: referenceKernels,
    elementwise: compileElementwise,
  });
}
