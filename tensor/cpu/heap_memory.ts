/**
 * Ordinary typed arrays as device memory.
 *
 * @module
 */

import type { DType } from "../device.ts";
import { OutOfMemoryError } from "../errors.ts";
import type { CpuMemory } from "./device.ts";

/** Typed arrays that the garbage collector frees; "f32" elements are of the given array type. */
export function heapMemory(
  FloatArray: typeof Float32Array | typeof Float64Array,
): CpuMemory {
  return {
    allocate(dtype: DType, length: number) {
      const ArrayType = dtype === "i32" ? Int32Array : FloatArray;
      try {
        const data = new ArrayType(length);
        return { data, bytes: data.byteLength, address: -1 };
      } catch (cause) {
        throw new OutOfMemoryError("device.memory", `cpu: no memory for ${length} elements of ${dtype}`, {
          cause,
          fix: "Use a smaller patch or batch.",
        });
      }
    },
    release() {},
  };
}
