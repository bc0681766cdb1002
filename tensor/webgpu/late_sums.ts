/**
 * Sums whose parts are there and whose last additions wait until somebody wants a result: a step leaves dozens of
 * them, gradients of weights, biases and norms, which then take a few dispatches together.
 *
 * @module
 */

import type { DType, Operand } from "../device.ts";
import type { PooledBuffer } from "./buffer_pool.ts";
import type { Terms } from "./kernel.ts";

/** One of them. */
export interface LateSum {
  /** Holds the parts; given back to the pool afterwards. */
  readonly parts: PooledBuffer;
  /** Bytes of the parts. */
  readonly bytes: number;
  /** Where the result goes. */
  readonly out: PooledBuffer;
  /** Element type of the result. */
  readonly dtype: DType;
  /** Elements of the parts. */
  readonly partLength: number;
  /** Elements of the result. */
  readonly length: number;
  /** How the terms lie in the parts. */
  readonly terms: Terms;
}

/** What a plan needs to know of an array that is no tensor. */
export function arrayOf(dtype: DType, length: number): Operand {
  return { shape: [length], buffer: { dtype, length } };
}

/** Bytes of parts that may wait. */
const mostBytes = 64 * 2 ** 20;

/** The sums that wait, in order. */
export class LateSums {
  #waiting: LateSum[] = [];
  readonly #results = new Set<PooledBuffer>();
  #bytes = 0;

  /** Whether so much waits that it should be done now. */
  get isFull(): boolean {
    return this.#bytes > mostBytes;
  }

  /** Whether a buffer's content is still to come. */
  holds(memory: PooledBuffer): boolean {
    return this.#results.has(memory);
  }

  /** One more. */
  add(sum: LateSum): void {
    this.#waiting.push(sum);
    this.#results.add(sum.out);
    this.#bytes += sum.bytes;
  }

  /** Takes all. */
  take(): LateSum[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#results.clear();
    this.#bytes = 0;
    return taken;
  }
}
