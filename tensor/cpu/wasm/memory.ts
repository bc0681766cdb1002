/**
 * Allocates inside one WebAssembly memory that every kernel and every thread sees.
 *
 * Best fit with coalescing over a list of free blocks sorted by address. A training step asks for the same
 * sizes again and again, so the list stays short and the memory stops growing after the first step.
 *
 * @module
 */

import { OutOfMemoryError } from "../../errors.ts";

const pageBytes = 65536;
const mebibyte = 2 ** 20;
/**
 * Pages the memory has from the start. Kernels declare as many: an access at a smaller constant offset then
 * needs one bounds check instead of two.
 */
export const initialPages = 256;
/** Cache line: no two buffers share one, so threads that write neighbours do not slow each other. */
const alignment = 64;
/** Never handed out: below, address 0 stays invalid; above, vector loads may run past the last buffer. */
const margin = 256;

interface Block {
  start: number;
  bytes: number;
}

/** A growable memory of up to 4 GiB, handed out in blocks aligned to 64 bytes. */
export class WasmMemory {
  /** What kernels import as `env.memory`. */
  readonly memory: WebAssembly.Memory;
  /** Whether threads can share it. */
  readonly shared: boolean;
  readonly #limit: number;
  readonly #free: Block[] = [];
  #end: number;

  /** Up to `limit` bytes; shared where the engine allows it. */
  constructor({ limit = 65536 * pageBytes, shared = typeof SharedArrayBuffer === "function" } = {}) {
    this.#limit = Math.min(limit, 65536 * pageBytes);
    this.shared = shared;
    const initial = initialPages * pageBytes;
    this.memory = new WebAssembly.Memory({ initial: initialPages, maximum: 65536, shared });
    this.#free.push({ start: margin, bytes: initial - 2 * margin });
    this.#end = initial - margin;
  }

  /** Pages of 64 KiB that it has now. */
  get pages(): number {
    return (this.#end + margin) / pageBytes;
  }

  /**
   * Address of a block of at least `bytes` bytes.
   *
   * @throws {OutOfMemoryError} `memory.full` when the memory cannot grow that far
   */
  allocate(bytes: number): number {
    const size = Math.max(alignment, Math.ceil(bytes / alignment) * alignment);
    let best = this.#bestFit(size);
    if (best < 0) {
      this.#grow(size);
      best = this.#bestFit(size);
    }
    const block = this.#free[best]!;
    const { start } = block;
    block.start += size;
    block.bytes -= size;
    if (block.bytes === 0) this.#free.splice(best, 1);
    return start;
  }

  /** Gives back a block of {@link allocate} with the same number of bytes. */
  release(start: number, bytes: number): void {
    const size = Math.max(alignment, Math.ceil(bytes / alignment) * alignment);
    let low = 0, high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.start < start) low = middle + 1;
      else high = middle;
    }
    const [before, after] = [this.#free[low - 1], this.#free[low]];
    const joinsBefore = before !== undefined && before.start + before.bytes === start;
    const joinsAfter = after !== undefined && start + size === after.start;
    if (joinsBefore && joinsAfter) {
      before.bytes += size + after.bytes;
      this.#free.splice(low, 1);
    } else if (joinsBefore) before.bytes += size;
    else if (joinsAfter) {
      after.start = start;
      after.bytes += size;
    } else this.#free.splice(low, 0, { start, bytes: size });
  }

  #bestFit(size: number): number {
    let best = -1;
    let bestBytes = Infinity;
    for (let i = 0; i < this.#free.length; i++) {
      const { bytes } = this.#free[i]!;
      if (bytes >= size && bytes < bestBytes) {
        best = i;
        bestBytes = bytes;
        if (bytes === size) break;
      }
    }
    return best;
  }

  #grow(size: number): void {
    const last = this.#free.at(-1);
    const tail = last && last.start + last.bytes === this.#end ? last.bytes : 0;
    // In steps of at least an eighth, so that a growing program does not grow the memory every time.
    const wanted = Math.max(size - tail, Math.min(this.#end / 8, this.#limit - margin - this.#end));
    const pages = Math.ceil(wanted / pageBytes);
    const grown = this.#end + margin + pages * pageBytes;
    if (grown > this.#limit || !this.#growPages(pages)) {
      throw new OutOfMemoryError(
        "memory.full",
        `a buffer of ${(size / mebibyte).toFixed(1)} MiB does not fit: ${
          (this.#end / mebibyte).toFixed(0)
        } MiB of at most ${(this.#limit / mebibyte).toFixed(0)} MiB are taken or fragmented`,
        { fix: "Use a smaller patch or batch, or fewer channels." },
      );
    }
    this.release(this.#end, pages * pageBytes);
    this.#end += pages * pageBytes;
  }

  #growPages(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch { // RangeError: the address space or the system's memory is used up
      return false;
    }
  }
}
