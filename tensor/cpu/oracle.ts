/**
 * The oracle of the tests: the reference kernels over float64 memory, so that a gradient can be held
 * against central differences.
 *
 * @module
 */

import { type CpuBlock, CpuDevice, type CpuMemory } from "./device.ts";
import { heapMemory } from "./heap_memory.ts";
import { compileElementwise } from "./reference/elementwise.ts";
import { referenceKernels } from "./reference/kernels.ts";

/** Fresh memory holds NaN, so a kernel that leaves an element unwritten shows. */
function poisoned(memory: CpuMemory): CpuMemory {
  return {
    allocate(dtype, length): CpuBlock {
      const block = memory.allocate(dtype, length);
      block.data.fill(dtype === "i32" ? -(2 ** 31) : NaN);
      return block;
    },
    release: (block) => memory.release(block),
  };
}

/** Opens a device that stores and computes everything in float64. Slow; for tests. */
export function openOracle(): CpuDevice {
  return new CpuDevice({
    description: "cpu oracle: float64 storage, reference kernels",
    memory: poisoned(heapMemory(Float64Array)),
    kernels: referenceKernels,
    elementwise: compileElementwise,
  });
}
