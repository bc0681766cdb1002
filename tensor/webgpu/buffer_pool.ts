/**
 * Reuses GPU buffers by size class. What the pool holds too much of, and everything at the end, is destroyed:
 * the garbage collector does not free GPU memory.
 *
 * @module
 */

/** A GPU buffer of the pool. */
export interface PooledBuffer {
  /** Distinct for every buffer a device ever made. */
  readonly id: number;
  /** The buffer. */
  readonly gpu: GPUBuffer;
  /** Bytes, a size class. */
  readonly bytes: number;
  /** Number of the last submission with a command that uses it. */
  usedIn: number;
}

/** Idle bytes above which a returned buffer is destroyed instead of kept. */
const idleLimit = 1 << 30;

/** The size class of a request: four steps to each power of two, so at most a fifth is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}

/**
 * Keeps the oldest buffer last, where `take` finds it. So the same requests get the same buffers, step after
 * step, and find their bind groups made.
 */
function insert(idle: PooledBuffer[], buffer: PooledBuffer): void {
  let low = 0;
  let high = idle.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (idle[middle]!.id > buffer.id) low = middle + 1;
    else high = middle;
  }
  idle.splice(low, 0, buffer);
}

/** Buffers of one device. */
export class BufferPool {
  readonly #create: (bytes: number) => GPUBuffer;
  readonly #destroyed: () => void;
  readonly #idle = new Map<number, PooledBuffer[]>();
  readonly #all = new Set<PooledBuffer>();
  #idleBytes = 0;
  #made = 0;

  /** `create` makes a buffer; `destroyed` is told when buffers are gone. */
  constructor(create: (bytes: number) => GPUBuffer, destroyed: () => void) {
    this.#create = create;
    this.#destroyed = destroyed;
  }

  /** Bytes on the device, idle buffers included. */
  get totalBytes(): number {
    let total = 0;
    for (const buffer of this.#all) total += buffer.bytes;
    return total;
  }

  /** A buffer of at least so many bytes; what it holds is undefined. */
  take(bytes: number): PooledBuffer {
    const size = sizeClass(bytes);
    const idle = this.#idle.get(size)?.pop();
    if (idle) {
      this.#idleBytes -= size;
      return idle;
    }
    const buffer = { id: this.#made++, gpu: this.#create(size), bytes: size, usedIn: -1 };
    this.#all.add(buffer);
    return buffer;
  }

  /** Gives a buffer back. Commands already queued complete with it, so the caller submits before it is destroyed. */
  give(buffer: PooledBuffer, submitted: number): void {
    if (this.#idleBytes + buffer.bytes > idleLimit && buffer.usedIn < submitted) {
      this.#destroy(buffer);
      return;
    }
    const idle = this.#idle.get(buffer.bytes);
    if (idle) insert(idle, buffer);
    else this.#idle.set(buffer.bytes, [buffer]);
    this.#idleBytes += buffer.bytes;
  }

  /** Destroys all idle buffers. Pending commands must have been submitted. */
  trim(): void {
    for (const buffers of this.#idle.values()) for (const buffer of buffers) this.#destroy(buffer);
    this.#idle.clear();
    this.#idleBytes = 0;
  }

  /** Destroys everything. */
  clear(): void {
    for (const buffer of this.#all) buffer.gpu.destroy();
    this.#all.clear();
    this.#idle.clear();
  }

  #destroy(buffer: PooledBuffer): void {
    this.#all.delete(buffer);
    buffer.gpu.destroy();
    this.#destroyed();
  }
}
