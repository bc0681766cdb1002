/**
 * What a CPU kernel is.
 *
 * @module
 */

import type { DType, HostArray } from "../device.ts";
import type { KernelAttributes, KernelName } from "../ops/registry.ts";
import type { Shape } from "../shape.ts";

/** A dense row-major array in host memory. */
export interface CpuArray {
  /** The elements, once everything queued is done: a kernel that needs the address alone does not ask for them. */
  readonly data: HostArray;
  /** Element type. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Byte address in the WebAssembly memory; −1 in the oracle, whose arrays are ordinary ones. */
  readonly address: number;
}

/** A vector of channels `[C]` as `[1,C,1,1,1]`, as sums over samples and voxels come out. */
export function biasRow(bias: CpuArray): CpuArray {
  const shape = [1, bias.shape[0]!, 1, 1, 1], { address, dtype } = bias;
  return {
    dtype,
    shape,
    address,
    get data() {
      return bias.data;
    },
  };
}

/** Computes the outputs from the inputs; update kernels change their outputs. */
export type CpuKernel<A> = (
  inputs: readonly CpuArray[],
  outputs: readonly CpuArray[],
  attributes: A,
) => void;

/** One kernel an op. */
export type CpuKernels = { readonly [K in KernelName]: CpuKernel<KernelAttributes<K>> };
