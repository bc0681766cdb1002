/**
 * Constant vectors in memory, where generated code loads them from.
 *
 * @module
 */

import type { VectorBytes } from "./emit/code.ts";
import type { WasmMemory } from "./memory.ts";

const vectorBytes = 16;
/** Vectors of a block of memory. */
const blockVectors = 64;

/** Keeps each vector once. */
export class ConstantTable {
  readonly #memory: WasmMemory;
  readonly #addresses = new Map<string, number>();
  #next = 0;
  #left = 0;

  /** In a memory. */
  constructor(memory: WasmMemory) {
    this.#memory = memory;
  }

  /** The address of a vector. */
  addressOf({ bytes, key }: VectorBytes): number {
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    if (this.#left === 0) {
      this.#next = this.#memory.allocate(vectorBytes * blockVectors);
      this.#left = blockVectors;
    }
    const address = this.#next;
    new Uint8Array(this.#memory.memory.buffer, address, vectorBytes).set(bytes);
    this.#addresses.set(key, address);
    this.#next += vectorBytes;
    this.#left--;
    return address;
  }
}
