/**
 * A device that computes nothing and counts: what a network costs on a patch, before any memory is spent.
 *
 * @module
 */

import {
  bytesOf,
  type Device,
  type DeviceBuffer,
  type DeviceStatistics,
  type DType,
  type HostArray,
  type Operand,
} from "./device.ts";
import type { AnyOp } from "./ops/op.ts";
import { sizeOf } from "./shape.ts";

/** Multiply-adds of one kernel call; only products of weights or matrices count. */
function multiplyAddsOf(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[]): number {
  const size = (operand: Operand | undefined) => sizeOf(operand!.shape);
  switch (op.name) {
    case "matmul":
      return size(outputs[0]) * (size(inputs[0]) / sizeOf(inputs[0]!.shape.slice(0, -2)) /
        Math.max(outputs[0]!.shape.at(-2)!, 1));
    case "conv3d": // every output voxel and channel sees one filter
      return size(outputs[0]) * size(inputs[1]) / inputs[1]!.shape[0]!;
    case "convTranspose3d": // every input voxel and channel spreads through one filter
      return size(inputs[0]) * size(inputs[1]) / inputs[1]!.shape[0]!;
    case "conv3dInputGrad":
      return size(inputs[0]) * size(inputs[1]) / inputs[1]!.shape[0]!;
    case "conv3dWeightGrad":
      return size(inputs[1]) * size(outputs[0]) / outputs[0]!.shape[0]!;
    default:
      return 0;
  }
}

/** Runs shapes through ops without values: allocation is bookkeeping, reading gives zeros. */
export class CountingDevice implements Device {
  /** Ops treat it as a CPU device. */
  readonly kind = "cpu";
  /** What it is. */
  readonly description = "counts, computes nothing";
  /** All of them. */
  readonly dtypes: ReadonlySet<DType> = new Set(["f32", "f16", "i32"]);
  /** It stores no values. */
  readonly dropsValues = true;
  /** Multiply-adds of all kernels so far. */
  multiplyAdds = 0;
  #liveBuffers = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  #dispatches = 0;

  /** Books the bytes. */
  allocate(dtype: DType, length: number): DeviceBuffer {
    this.#liveBuffers++;
    this.#liveBytes += bytesOf[dtype] * length;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return { dtype, length };
  }

  /** Takes it off the books. */
  release(buffer: DeviceBuffer): void {
    this.#liveBuffers--;
    this.#liveBytes -= bytesOf[buffer.dtype] * buffer.length;
  }

  /** Values do not matter. */
  write(): void {}

  /** Zeros. */
  read(buffer: DeviceBuffer): Promise<HostArray> {
    return Promise.resolve(new Float32Array(buffer.length));
  }

  /** Counts. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    this.#dispatches++;
    this.multiplyAdds += multiplyAddsOf(op, inputs, outputs);
  }

  /** Nothing is ever pending. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** The books. */
  stats(): DeviceStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      dispatches: this.#dispatches,
    };
  }

  /** Starts the peak anew. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /** Nothing to free. */
  [Symbol.dispose](): void {}
}
