/**
 * Opens the CPU device with generated WebAssembly kernels.
 *
 * @module
 */

import type { DType, HostArray } from "../../device.ts";
import { DeviceError } from "../../errors.ts";
import { type CpuBlock, CpuDevice, type CpuMemory } from "../device.ts";
import { ThreadPool } from "./thread_pool.ts";
import { Engine } from "./engine.ts";
import { fastElementwise, fastKernels } from "./kernels.ts";
import { WasmMemory } from "./memory.ts";

/** A block of the WebAssembly memory. A memory that is not shared detaches its arrays when it grows. */
class WasmBlock implements CpuBlock {
  #view: HostArray | undefined;

  constructor(
    readonly engine: Engine,
    readonly dtype: DType,
    readonly length: number,
    readonly address: number,
  ) {}

  get bytes(): number {
    return 4 * this.length;
  }

  get data(): HostArray {
    const { engine, address, length } = this;
    engine.settle();
    if (this.#view?.length === length) return this.#view;
    return this.#view = this.dtype === "i32"
      ? engine.view(Int32Array, address, length)
      : engine.view(Float32Array, address, length);
  }
}

function blocksOf(engine: Engine): CpuMemory {
  const { memory } = engine;
  return {
    allocate: (dtype, length) => new WasmBlock(engine, dtype, length, memory.allocate(4 * length)),
    release: ({ address, bytes }) => memory.release(address, bytes),
  };
}

/** Options of {@link openFastCpu}. */
export interface FastCpuOptions {
  /** Threads that compute, the calling one included; all cores by default. */
  readonly threads?: number | undefined;
  /** Limit of the memory in bytes; 4 GiB, the most that WebAssembly addresses, by default. */
  readonly memoryLimit?: number | undefined;
}

/**
 * A CPU device that computes in float32 with generated SIMD kernels. The results do not depend on the number
 * of threads. Disposing of the device ends its threads.
 *
 * @throws {DeviceError} `device.threads` when the number is not 1 or more, or a worker does not start
 */
export async function openFastCpu(options: FastCpuOptions = {}): Promise<CpuDevice> {
  const { threads = navigator.hardwareConcurrency, memoryLimit } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new DeviceError("device.threads", `cpu: threads must be a whole number from 1, got ${threads}`);
  }
  const memory = new WasmMemory(memoryLimit === undefined ? {} : { limit: memoryLimit });
  const pool = await ThreadPool.open(memory, threads);
  const engine = new Engine(memory, pool);
  return new CpuDevice({
    description: `cpu: WebAssembly SIMD, ${pool.threads} thread${pool.threads === 1 ? "" : "s"}${
      engine.wide ? ", fast mode: memory accesses are not checked" : ""
    }`,
    memory: blocksOf(engine),
    kernels: fastKernels(engine),
    elementwise: fastElementwise(engine),
    announce: (label) => engine.label = label,
    settle: () => engine.settle(),
    close: () => pool[Symbol.dispose](),
  });
}
