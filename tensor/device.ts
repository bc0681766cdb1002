/**
 * The contract between the tensor library and a device.
 *
 * A device owns memory and runs kernels; it knows nothing of tensors, gradients or lifetimes.
 *
 * - `allocate` gives a buffer of `length` elements; what it holds is undefined until written. `release`
 *   gives it back, at once from the caller's view: commands already queued still complete with it.
 *   Empty buffers (length 0) are legal. `dtypes` says which element types a device stores; another one is
 *   refused with code `dtype.unsupported`.
 * - `write` copies from the host, rounding to the nearest value that the type has; the data may be changed
 *   by the caller as soon as the call returns.
 * - `run` queues one kernel. Commands complete in the order they were queued. Inputs are read, outputs
 *   are written; `update` kernels (family "update") also read their outputs. No input shares its buffer
 *   with an output. Kernels compute in f32: f16 elements are converted as they are loaded and rounded as they
 *   are stored.
 * - `read` waits for everything queued and copies to the host. `flush` waits without copying.
 * - A failed command never passes silently: `run`, `read` or `flush` throws a `DeviceError` that names
 *   the op and its shapes, at the latest at the next `read` or `flush`.
 * - After `[Symbol.dispose]` or a loss every call throws `DeviceError` with code `device.lost` or
 *   `device.disposed`; nothing hangs.
 *
 * @module
 */

import { DeviceError } from "./errors.ts";
import type { AnyOp } from "./ops/op.ts";
import type { Shape } from "./shape.ts";

/**
 * Element types: 32-bit floats for values, 32-bit integers for labels and indices, and 16-bit floats as a way
 * to store values in half the memory, where a device can.
 */
export type DType = "f32" | "f16" | "i32";

/** Bytes of an element. */
export const bytesOf: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4 };

/**
 * Host arrays that a device gives: `Float32Array` for "f32" and "f16"; the float64 oracle gives `Float64Array`.
 */
export type HostArray = Float32Array | Float64Array | Int32Array;

/** Memory on a device. Only the device that made it can look inside. */
export interface DeviceBuffer {
  /** Element type. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
}

/** A buffer seen as a dense row-major array. */
export interface Operand {
  /** Where the elements are. */
  readonly buffer: DeviceBuffer;
  /** How they are arranged; the product of the sizes is the buffer's length. */
  readonly shape: Shape;
}

/** What a device holds right now; leak tests assert on it. */
export interface DeviceStatistics {
  /** Buffers handed out and not yet released. */
  readonly liveBuffers: number;
  /** Bytes of these. */
  readonly liveBytes: number;
  /** Highest value of `liveBytes` since the device was opened or `resetPeak` was called. */
  readonly peakBytes: number;
  /** Kernels queued since the device was opened. */
  readonly dispatches: number;
}

/** A place where tensors live and kernels run. */
export interface Device extends Disposable {
  /** Which implementation this is. */
  readonly kind: "cpu" | "webgpu";
  /** For people: the adapter or processor, threads, and why it was chosen. */
  readonly description: string;
  /** Element types that it stores. */
  readonly dtypes: ReadonlySet<DType>;
  /** Set where what is written is never stored, so that nobody need draw it. */
  readonly dropsValues?: true;
  /** Called with their number so far when a kernel was compiled, on devices where that takes a while. */
  onCompile?: ((count: number) => void) | undefined;
  /** Memory for `length` elements. Throws `OutOfMemoryError`. */
  allocate(dtype: DType, length: number): DeviceBuffer;
  /** Gives memory back. */
  release(buffer: DeviceBuffer): void;
  /** Copies host numbers into a buffer of the same length. */
  write(buffer: DeviceBuffer, data: ArrayLike<number>): void;
  /** Copies a buffer to the host. */
  read(buffer: DeviceBuffer): Promise<HostArray>;
  /** Queues the kernel of an op. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[], attributes: unknown): void;
  /** Waits until everything queued is done. */
  flush(): Promise<void>;
  /** Live and peak memory. */
  stats(): DeviceStatistics;
  /** Starts measuring the peak anew. */
  resetPeak(): void;
}

/**
 * Refuses an element type that a device does not store.
 *
 * @throws {DeviceError} `dtype.unsupported`
 */
export function requireStored({ dtypes, description }: Device, dtype: DType): void {
  if (dtypes.has(dtype)) return;
  throw new DeviceError(
    "dtype.unsupported",
    `${dtype} cannot be stored on this device (${description}), which stores ${[...dtypes].join(", ")}`,
    { fix: 'Use "f32", or a WebGPU device whose adapter has shader-f16.' },
  );
}
