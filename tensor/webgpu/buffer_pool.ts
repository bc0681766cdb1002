/**
 * Reuses GPU buffers by size class and textures by size. What a pool holds too much of, and everything at the
 * end, is destroyed: the garbage collector does not free GPU memory.
 *
 * @module
 */

import type { DeviceStatistics } from "../device.ts";

/** A GPU buffer or texture of a pool. */
export interface Pooled<M> {
  /** Distinct for everything that the pool ever made. */
  readonly id: number;
  /** The buffer or texture. */
  readonly gpu: M;
  /** What makes it interchangeable with others: a size class, or a texture's size. */
  readonly kind: string;
  /** Bytes. */
  readonly bytes: number;
  /** Number of the last submission with a command that uses it. */
  usedIn: number;
}

/** A GPU buffer of the pool; its bytes are a size class. */
export type PooledBuffer = Pooled<GPUBuffer>;

/** A GPU texture of the pool. */
export type PooledTexture = Pooled<GPUTexture>;

/** Idle bytes above which what is returned is destroyed instead of kept. */
const idleLimit = 1 << 30;

/** The size class of a request: four steps to each power of two, so at most a fifth is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}

/**
 * Keeps the oldest memory last, where `take` finds it. So the same requests get the same memory, step after
 * step, and find their bind groups made.
 */
function insert<M>(idle: Pooled<M>[], memory: Pooled<M>): void {
  let low = 0;
  let high = idle.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (idle[middle]!.id > memory.id) low = middle + 1;
    else high = middle;
  }
  idle.splice(low, 0, memory);
}

/** Buffers, or textures, of one device. */
export class Pool<M extends { destroy(): void }> {
  readonly #destroyed: () => void;
  readonly #idle = new Map<string, Pooled<M>[]>();
  readonly #all = new Set<Pooled<M>>();
  #idleBytes = 0;
  #made = 0;

  /** `destroyed` is told when memory is gone. */
  constructor(destroyed: () => void) {
    this.#destroyed = destroyed;
  }

  /** Idle memory of a kind, or new memory of so many bytes; what it holds is undefined. */
  take(kind: string, bytes: number, create: () => M): Pooled<M> {
    const idle = this.#idle.get(kind)?.pop();
    if (idle) {
      this.#idleBytes -= bytes;
      return idle;
    }
    const memory = { id: this.#made++, gpu: create(), kind, bytes, usedIn: -1 };
    this.#all.add(memory);
    return memory;
  }

  /** Gives memory back. Commands already queued complete with it, so the caller submits before it is destroyed. */
  give(memory: Pooled<M>, submitted: number): void {
    if (this.#idleBytes + memory.bytes > idleLimit && memory.usedIn < submitted) {
      this.#destroy(memory);
      return;
    }
    const idle = this.#idle.get(memory.kind);
    if (idle) insert(idle, memory);
    else this.#idle.set(memory.kind, [memory]);
    this.#idleBytes += memory.bytes;
  }

  /** Destroys all idle memory. Pending commands must have been submitted. */
  trim(): void {
    for (const idle of this.#idle.values()) for (const memory of idle) this.#destroy(memory);
    this.#idle.clear();
    this.#idleBytes = 0;
  }

  /** Destroys everything. */
  clear(): void {
    for (const memory of this.#all) memory.gpu.destroy();
    this.#all.clear();
    this.#idle.clear();
  }

  #destroy(memory: Pooled<M>): void {
    this.#all.delete(memory);
    memory.gpu.destroy();
    this.#destroyed();
  }
}

/** Counts what is handed out. */
export class Ledger {
  #liveBuffers = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  /** Kernels queued so far. */
  dispatches = 0;

  /** A buffer of so many bytes was handed out. */
  add(bytes: number): void {
    this.#liveBuffers++;
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  /** It came back. */
  remove(bytes: number): void {
    this.#liveBuffers--;
    this.#liveBytes -= bytes;
  }

  /** The counts. */
  read(): DeviceStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      dispatches: this.dispatches,
    };
  }

  /** Starts the peak anew. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }
}
