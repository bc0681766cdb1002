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
import { Ledger } from "./ledger.ts";
import type { AnyOp } from "./ops/op.ts";
import type { Shape } from "./shape.ts";

const shapeOf = ({ shape }: Operand): Shape => shape;

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
  readonly #ledger = new Ledger();

  /** Books the bytes. */
  allocate(dtype: DType, length: number): DeviceBuffer {
    this.#ledger.add(bytesOf[dtype] * length);
    return { dtype, length };
  }

  /** Takes it off the books. */
  release(buffer: DeviceBuffer): void {
    this.#ledger.remove(bytesOf[buffer.dtype] * buffer.length);
  }

  /** Values do not matter. */
  write(): void {}

  /** Zeros. */
  read(buffer: DeviceBuffer): Promise<HostArray> {
    return Promise.resolve(new Float32Array(buffer.length));
  }

  /** Counts. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    this.#ledger.dispatches++;
    this.multiplyAdds += op.multiplyAdds?.(inputs.map(shapeOf), outputs.map(shapeOf)) ?? 0;
  }

  /** Nothing is ever pending. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** The books. */
  stats(): DeviceStatistics {
    return this.#ledger.read();
  }

  /** Starts the peak anew. */
  resetPeak(): void {
    this.#ledger.resetPeak();
  }

  /** Nothing to free. */
  [Symbol.dispose](): void {}
}
