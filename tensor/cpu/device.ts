/**
 * The CPU device: host memory and a table of kernels. It is the oracle of the tests and, with fast kernels
 * over WebAssembly memory, what users without a GPU train on; both differ only in what they construct it
 * with.
 *
 * @module
 */

import {
  type Device,
  type DeviceBuffer,
  type DeviceStatistics,
  type DType,
  type HostArray,
  type Operand,
  requireStored,
} from "../device.ts";
import { DeviceError } from "../errors.ts";
import { Ledger } from "../ledger.ts";
import type { ElementwiseOp, Scalars } from "../ops/elementwise.ts";
import type { AnyOp } from "../ops/op.ts";
import { type KernelName, kernelOps } from "../ops/registry.ts";
import { type Shape, shapeText } from "../shape.ts";
import type { CpuArray, CpuKernel, CpuKernels } from "./kernel.ts";

/** A piece of host memory. */
export interface CpuBlock {
  /** The elements, once everything queued is done. */
  readonly data: HostArray;
  /** What they take. */
  readonly bytes: number;
  /** Byte address in the WebAssembly memory; −1 for ordinary arrays. */
  readonly address: number;
}

/** Where buffers live. */
export interface CpuMemory {
  /** Memory for `length` elements; what it holds is undefined. Throws `OutOfMemoryError`. */
  allocate(dtype: DType, length: number): CpuBlock;
  /** Takes memory back. */
  release(block: CpuBlock): void;
}

/** What a CPU device is made of. */
export interface CpuParts {
  /** For people: threads, kernels, and why this device was chosen. */
  readonly description: string;
  /** Where buffers live. */
  readonly memory: CpuMemory;
  /** One kernel for each row with a hand-written kernel. */
  readonly kernels: CpuKernels;
  /** The kernel of an elementwise row. */
  readonly elementwise: (op: ElementwiseOp) => CpuKernel<Scalars>;
  /** Told before each kernel what it is, for the error of one that fails later. */
  readonly announce?: (label: () => string) => void;
  /** Waits until the kernels that were run are done, where they may not be. */
  readonly settle?: () => void;
  /** Stops worker threads. */
  readonly close?: () => void;
}

class CpuBuffer implements DeviceBuffer {
  block: CpuBlock | undefined;
  constructor(readonly owner: CpuDevice, readonly dtype: DType, readonly length: number, block: CpuBlock) {
    this.block = block;
  }
}

// deno-lint-ignore no-explicit-any -- kernels of different attributes live in one table
type AnyKernel = CpuKernel<any>;

/** A block as an array. */
class BlockArray implements CpuArray {
  readonly address: number;
  readonly #block: CpuBlock;

  constructor(block: CpuBlock, readonly shape: Shape, readonly dtype: DType) {
    this.address = block.address;
    this.#block = block;
  }

  get data(): HostArray {
    return this.#block.data;
  }
}

/** Runs kernels one after the other. */
export class CpuDevice implements Device {
  /** Which implementation this is. */
  readonly kind = "cpu";
  /** Threads and kernels. */
  readonly description: string;
  /** No f16: processors have no arithmetic for it, and WebAssembly no conversion. */
  readonly dtypes: ReadonlySet<DType> = new Set(["f32", "i32"]);
  readonly #parts: CpuParts;
  readonly #elementwise = new Map<string, AnyKernel>();
  readonly #ledger = new Ledger();
  #disposed = false;

  /** Makes a device from memory and kernels. */
  constructor(parts: CpuParts) {
    this.description = parts.description;
    this.#parts = parts;
  }

  #requireOpen(call: string): void {
    if (this.#disposed) {
      throw new DeviceError("device.disposed", `${call}: the cpu device was disposed`, {
        fix: "Open another device with openDevice().",
      });
    }
  }

  #blockOf(buffer: DeviceBuffer, call: string): CpuBlock {
    if (!(buffer instanceof CpuBuffer) || buffer.owner !== this) {
      throw new DeviceError("device.mismatch", `${call}: the buffer belongs to another device`);
    }
    if (!buffer.block) throw new DeviceError("device.released", `${call}: the buffer was released`);
    return buffer.block;
  }

  /** Memory for `length` elements. Throws `OutOfMemoryError`. */
  allocate(dtype: DType, length: number): DeviceBuffer {
    this.#requireOpen("allocate");
    requireStored(this, dtype);
    const block = this.#parts.memory.allocate(dtype, length);
    this.#ledger.add(block.bytes);
    return new CpuBuffer(this, dtype, length, block);
  }

  /** Gives memory back. After the device was disposed there is nothing to give back. */
  release(buffer: DeviceBuffer): void {
    if (this.#disposed) return;
    const block = this.#blockOf(buffer, "release");
    (buffer as CpuBuffer).block = undefined;
    this.#ledger.remove(block.bytes);
    this.#parts.memory.release(block);
  }

  /** Copies host numbers into a buffer. */
  write(buffer: DeviceBuffer, data: ArrayLike<number>): void {
    this.#requireOpen("write");
    if (data.length !== buffer.length) {
      throw new DeviceError(
        "device.size",
        `write: ${data.length} numbers do not fill a buffer of ${buffer.length}`,
      );
    }
    this.#blockOf(buffer, "write").data.set(data);
  }

  /** A copy of a buffer. */
  // deno-lint-ignore require-await -- async, so that errors reject as they do on other devices
  async read(buffer: DeviceBuffer): Promise<HostArray> {
    this.#requireOpen("read");
    return this.#blockOf(buffer, "read").data.slice();
  }

  #kernelOf(op: AnyOp): AnyKernel {
    if (op.expression === undefined) {
      if (kernelOps[op.name as KernelName] as AnyOp !== op) {
        throw new DeviceError("device.kernel", `${op.name}: no such row in the op table`);
      }
      return this.#parts.kernels[op.name as KernelName];
    }
    let kernel = this.#elementwise.get(op.name);
    if (!kernel) {
      kernel = this.#parts.elementwise(op as ElementwiseOp);
      this.#elementwise.set(op.name, kernel);
    }
    return kernel;
  }

  /** Queues a kernel; with one thread it is done when the call returns. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[], attributes: unknown): void {
    this.#requireOpen(op.name);
    const arrayOf = ({ buffer, shape }: Operand) =>
      new BlockArray(this.#blockOf(buffer, op.name), shape, buffer.dtype);
    const label = () => `${op.name}(${inputs.map((input) => shapeText(input.shape)).join(", ")})`;
    const [from, to] = [inputs.map(arrayOf), outputs.map(arrayOf)];
    this.#ledger.dispatches++;
    this.#parts.announce?.(label);
    try {
      this.#kernelOf(op)(from, to, attributes);
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      throw new DeviceError("device.kernel", `${label()}: the kernel failed`, { cause: error });
    }
  }

  /** Waits in the call itself. */
  // deno-lint-ignore require-await -- async, so that errors reject as they do on other devices
  async flush(): Promise<void> {
    this.#requireOpen("flush");
    this.#parts.settle?.();
  }

  /** Live and peak memory. */
  stats(): DeviceStatistics {
    return this.#ledger.read();
  }

  /** Starts measuring the peak anew. */
  resetPeak(): void {
    this.#ledger.resetPeak();
  }

  /** Every later call throws, but `release`; twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#parts.close?.();
  }
}
