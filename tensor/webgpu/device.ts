/**
 * The WebGPU device.
 *
 * Ops are appended to one pending command encoder, which is submitted when somebody reads, when it is long
 * enough, or when the host overwrites a buffer that it uses. Numbers that change from call to call, and small
 * writes, travel in one host-side block that is uploaded just before the commands that use it.
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
  requireStored,
} from "../device.ts";
import { DeviceError, OutOfMemoryError } from "../errors.ts";
import { Ledger } from "../ledger.ts";
import type { AnyOp } from "../ops/op.ts";
import { shapeText } from "../shape.ts";
import { type AdapterProbe, f16Feature, probeAdapter, requestDevice } from "./adapter.ts";
import { BufferPool, type PooledBuffer } from "./buffer_pool.ts";
import { CommandQueue, type HostBytes } from "./command_queue.ts";
import { Faults } from "./faults.ts";
import { arrayOf, LateSums } from "./late_sums.ts";
import type { Bound } from "./pages.ts";
import { type Plan, PlanCache } from "./plan_cache.ts";
import { type Tuning, tuningOf } from "./tuning.ts";
import type { TuningFile } from "./tuning_file.ts";

/** Limits below the adapter's own. */
export interface WebGpuLimits {
  /** Largest range of a buffer that a shader sees at once, in bytes; at least 256. */
  readonly maxStorageBufferBindingSize?: number;
  /** Largest buffer in bytes. */
  readonly maxBufferSize?: number;
  /** Most workgroups along one dimension of a dispatch. */
  readonly maxComputeWorkgroupsPerDimension?: number;
}

/** How to open a WebGPU device. */
export interface WebGpuOptions {
  /** Limits below the adapter's own, to see how a program behaves on smaller hardware. */
  readonly limits?: WebGpuLimits;
  /** Choices that differ from the table's, to measure or test them. */
  readonly tuning?: Partial<Tuning>;
  /** How long the device may give no answer while somebody waits, in milliseconds; ten minutes by default. */
  readonly patienceMs?: number;
  /** Measured block sizes; those of this adapter are used, if there are any. */
  readonly measured?: TuningFile | undefined;
  /** The adapter, if it was looked for before. */
  readonly probe?: AdapterProbe;
}

class WebGpuBuffer implements DeviceBuffer {
  memory: PooledBuffer | undefined;
  constructor(
    readonly owner: WebGpuDevice,
    readonly dtype: DType,
    readonly length: number,
    memory: PooledBuffer,
  ) {
    this.memory = memory;
  }
}

/** Bytes of a copy of a buffer: WebGPU copies multiples of 4, an f16 buffer may end within one. */
const copyBytes = ({ dtype, length }: DeviceBuffer) => Math.ceil(bytesOf[dtype] * length / 4) * 4;

/** Host numbers as they are stored, in whole multiples of 4 bytes. */
function toHost(dtype: DType, data: ArrayLike<number>): HostBytes {
  if (dtype === "f16") {
    const halves = new Float16Array(Math.ceil(data.length / 2) * 2);
    halves.set(data);
    return halves;
  }
  const Host = dtype === "f32" ? Float32Array : Int32Array;
  return data instanceof Host ? data as Float32Array<ArrayBuffer> : Host.from(data);
}

const describe = (op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[]) =>
  `${op.name} ${inputs.map((x) => shapeText(x.shape)).join(" ")} to ${
    outputs.map((x) => shapeText(x.shape)).join(" ")
  }`;

/** A device on a WebGPU adapter; `openWebGpu` makes it. */
export class WebGpuDevice implements Device {
  /** Which implementation this is. */
  readonly kind = "webgpu";
  /** The adapter. */
  readonly description: string;
  /** f16 too, where the adapter has it. */
  readonly dtypes: ReadonlySet<DType>;
  /** The GPU device underneath. */
  readonly gpu: GPUDevice;
  /** Called with their number so far when a kernel was compiled. */
  onCompile?: ((count: number) => void) | undefined;
  readonly #ledger = new Ledger();
  readonly #faults: Faults;
  readonly #pool: BufferPool;
  readonly #queue: CommandQueue;
  readonly #plans: PlanCache;
  readonly #late = new LateSums();
  readonly #maxBufferSize: number;

  /** Takes over a GPU device. */
  constructor(
    gpu: GPUDevice,
    description: string,
    tuning: Tuning,
    { limits = {}, patienceMs = 600_000 }: WebGpuOptions,
  ) {
    this.gpu = gpu;
    this.description = description;
    this.dtypes = new Set(gpu.features.has(f16Feature) ? ["f32", "f16", "i32"] : ["f32", "i32"]);
    this.#maxBufferSize = Math.min(gpu.limits.maxBufferSize, limits.maxBufferSize ?? Infinity);
    this.#faults = new Faults(gpu, () => this.#trim(), patienceMs);
    this.#queue = new CommandQueue(gpu, this.#faults);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC |
      GPUBufferUsage.COPY_DST;
    this.#pool = new BufferPool(
      (size) => this.#faults.guard(() => `allocating ${size} bytes`, () => gpu.createBuffer({ size, usage })),
      () => this.#queue.forgetBindGroups(),
    );
    this.#plans = new PlanCache(gpu, this.#faults, tuning, (count) => this.onCompile?.(count), {
      bindingBytes: Math.min(
        gpu.limits.maxStorageBufferBindingSize,
        limits.maxStorageBufferBindingSize ?? Infinity,
      ),
      storageBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
      groupsPerDimension: Math.min(
        gpu.limits.maxComputeWorkgroupsPerDimension,
        limits.maxComputeWorkgroupsPerDimension ?? Infinity,
      ),
    });
  }

  /** Memory for `length` elements. */
  allocate(dtype: DType, length: number): DeviceBuffer {
    this.#faults.throwIfAny();
    requireStored(this, dtype);
    const bytes = bytesOf[dtype] * length;
    const buffer = new WebGpuBuffer(this, dtype, length, this.#take(bytes));
    this.#ledger.add(bytes);
    return buffer;
  }

  /** Gives memory back to the pool. */
  release(buffer: DeviceBuffer): void {
    const own = buffer as WebGpuBuffer;
    if (!own.memory) return;
    if (this.#late.holds(own.memory)) this.#sumLate();
    this.#ledger.remove(bytesOf[own.dtype] * own.length);
    this.#pool.give(own.memory, this.#queue.submission);
    own.memory = undefined;
  }

  /** Copies host numbers into a buffer. */
  write(buffer: DeviceBuffer, data: ArrayLike<number>): void {
    this.#faults.throwIfAny();
    const memory = this.#memoryOf(buffer, "write");
    if (data.length !== buffer.length) {
      throw new DeviceError(
        "device.write",
        `write: ${data.length} numbers for a buffer of ${buffer.length} elements`,
      );
    }
    if (data.length === 0) return;
    if (this.#late.holds(memory)) this.#sumLate();
    this.#queue.write(memory, toHost(buffer.dtype, data));
  }

  /** Waits for everything queued and copies a buffer to the host. */
  async read(buffer: DeviceBuffer): Promise<HostArray> {
    this.#faults.throwIfAny();
    const memory = this.#memoryOf(buffer, "read");
    if (this.#late.holds(memory)) this.#sumLate();
    const bytes = await this.#queue.read(memory, copyBytes(buffer));
    if (buffer.dtype === "f16") return new Float32Array(new Float16Array(bytes, 0, buffer.length));
    return buffer.dtype === "f32" ? new Float32Array(bytes) : new Int32Array(bytes);
  }

  /** Queues the kernel of an op. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[], attributes: unknown): void {
    this.#faults.throwIfAny();
    if (outputs.every(({ buffer }) => buffer.length === 0)) return;
    const text = () => describe(op, inputs, outputs);
    const sources = {
      input: inputs.map(({ buffer }) => this.#memoryOf(buffer, op.name)),
      output: outputs.map(({ buffer }) => this.#memoryOf(buffer, op.name)),
    };
    if (sources.output.some((memory) => sources.input.includes(memory))) {
      throw new DeviceError("device.alias", `${text()}: an output shares its buffer with an input`);
    }
    if ([...sources.input, ...sources.output].some((memory) => this.#late.holds(memory))) this.#sumLate();
    const plan = this.#plans.get(op, inputs, outputs, attributes, text);
    const scratch = plan.scratches.map((bytes) => {
      this.#ledger.add(bytes);
      return this.#take(bytes);
    });
    this.#dispatch(plan, { ...sources, scratch }, attributes, text);
    const waiting = new Set<PooledBuffer>();
    for (const { parts, out, terms } of plan.late) {
      const memory = scratch[parts.at]!;
      waiting.add(memory);
      this.#late.add({
        parts: memory,
        bytes: plan.scratches[parts.at]!,
        partLength: parts.length,
        out: sources.output[out.at]!,
        dtype: out.dtype,
        length: out.length,
        terms,
      });
    }
    // Commands run in order, so later ops may use the same scratch memory.
    scratch.forEach((memory, i) => {
      if (!waiting.has(memory)) this.#giveScratch(memory, plan.scratches[i]!);
    });
    if (this.#late.isFull) this.#sumLate();
  }

  #giveScratch(memory: PooledBuffer, bytes: number): void {
    this.#pool.give(memory, this.#queue.submission);
    this.#ledger.remove(bytes);
  }

  /** Makes the sums that wait. */
  #sumLate(): void {
    const sums = this.#late.take();
    const plan = this.#plans.lateSums(
      sums.map(({ partLength }) => arrayOf("f32", partLength)),
      sums.map(({ dtype, length }) => arrayOf(dtype, length)),
      sums.map(({ terms }) => terms),
    );
    const memory = {
      input: sums.map(({ parts }) => parts),
      output: sums.map(({ out }) => out),
      scratch: [],
    };
    this.#dispatch(plan, memory, {}, () => "late sums");
    for (const { parts, bytes } of sums) this.#giveScratch(parts, bytes);
  }

  /** Queues the steps of a plan. */
  #dispatch(
    plan: Plan,
    memory: Readonly<Record<Bound["from"], readonly PooledBuffer[]>>,
    attributes: unknown,
    text: () => string,
  ): void {
    const scalars = plan.scalarsOf(attributes);
    for (const step of plan.steps) {
      const buffers = step.bindings.map(({ bound }) =>
        bound === "scalars" ? null : memory[bound.from][bound.at]!
      );
      this.#queue.dispatch(step, buffers, scalars, text);
      this.#ledger.dispatches++;
    }
  }

  /** Waits until everything queued is done. */
  async flush(): Promise<void> {
    this.#faults.throwIfAny();
    await this.#queue.finish();
  }

  /** Live and peak memory. */
  stats(): DeviceStatistics {
    return this.#ledger.read();
  }

  /** Starts measuring the peak anew. */
  resetPeak(): void {
    this.#ledger.resetPeak();
  }

  /** Frees all memory; pending reads reject. */
  [Symbol.dispose](): void {
    this.#faults.end(
      new DeviceError("device.disposed", "the WebGPU device was disposed", { fix: "Open it again." }),
    );
    this.#queue.dispose();
    this.#pool.clear();
    this.gpu.destroy();
  }

  /** Gives idle memory back to the GPU, so that what comes after an allocation that failed has more room. */
  #trim(): void {
    this.#queue.submit();
    this.#pool.trim();
  }

  #take(bytes: number): PooledBuffer {
    if (bytes > this.#maxBufferSize) {
      throw new OutOfMemoryError(
        "device.memory",
        `a tensor takes ${bytes} bytes; the largest buffer of this device has ${this.#maxBufferSize} (in use: ${this.#ledger.read().liveBytes})`,
        { fix: "Use a smaller patch, batch or width." },
      );
    }
    return this.#pool.take(bytes);
  }

  #memoryOf(buffer: DeviceBuffer, user: string): PooledBuffer {
    if (!(buffer instanceof WebGpuBuffer) || buffer.owner !== this) {
      throw new DeviceError("device.mismatch", `${user}: the buffer belongs to another device`);
    }
    if (!buffer.memory) throw new DeviceError("device.released", `${user}: the buffer was released`);
    return buffer.memory;
  }
}

/**
 * Opens the fastest WebGPU adapter, a software one where there is no other.
 *
 * @throws {DeviceError} `device.unavailable` when there is no adapter
 */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const probe = options.probe ?? await probeAdapter();
  const gpu = await requestDevice(probe);
  const table = options.measured?.get(probe.summary);
  const tuning = { ...tuningOf(table), ...options.tuning };
  return new WebGpuDevice(gpu, `webgpu: ${probe.summary}${table ? ", tuned" : ""}`, tuning, options);
}
