/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon et al., SC 2011).
 *
 * The state is a key and a counter, nothing else, so a stream can be saved, resumed and split, and any
 * device can compute the n-th number of it without the others. Threefry needs only 32-bit additions,
 * rotations and xors, which WGSL has; Philox would need 64-bit products, which it has not.
 *
 * @module
 */

/** Bits by which the second word is rotated, round by round. */
export const threefryRotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** One block of Threefry-2x32-20: the two 32-bit words for counter `(c0, c1)` under key `(k0, k1)`. */
export function threefry(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    const r = threefryRotations[round & 7]!;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << r) | (x1 >>> (32 - r))) ^ x0;
    if ((round & 3) === 3) {
      const injection = (round + 1) >> 2;
      x0 = (x0 + (injection % 3 === 0 ? k0 : injection % 3 === 1 ? k1 : k2)) | 0;
      x1 = (x1 + (injection % 3 === 0 ? k1 : injection % 3 === 1 ? k2 : k0) + injection) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

/** What a checkpoint stores of a {@link Random}: four 32-bit words. */
export interface RandomState {
  /** The two words of the key. */
  readonly key: readonly [number, number];
  /** How many 32-bit words were drawn. */
  readonly drawn: number;
}

/**
 * A stream of random numbers with an explicit state.
 *
 * @example The same seed gives the same numbers; a child stream does not disturb its parent
 * ```ts
 * import { Random } from "./random.ts";
 * import assert from "node:assert/strict";
 *
 * const a = new Random(7), b = new Random(7);
 * a.child("augmentation").uniform();
 * assert.equal(a.uniform(), b.uniform());
 * ```
 */
export class Random {
  readonly #key: readonly [number, number];
  #drawn = 0;
  #second = 0; // the second word of the current block, valid when an odd number of words was drawn

  /** Starts a stream from an integer seed, or continues one from a saved state. */
  constructor(seed: number | RandomState) {
    if (typeof seed === "number") {
      this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    } else {
      this.#key = [seed.key[0], seed.key[1]];
      this.#drawn = seed.drawn;
      if (this.#drawn % 2 === 1) this.#second = this.#block()[1];
    }
  }

  /** The state to save; a stream made from it goes on exactly where this one does. */
  get state(): RandomState {
    return { key: [this.#key[0], this.#key[1]], drawn: this.#drawn };
  }

  /** A stream of its own for a purpose or an index: the same label always gives the same child. */
  child(label: string | number): Random {
    let [k0, k1] = this.#key;
    for (const char of `/${label}`) [k0, k1] = threefry(k0, k1, char.codePointAt(0)!, 0x43484c44);
    return new Random({ key: [k0, k1], drawn: 0 });
  }

  #block(): [number, number] {
    const block = Math.floor(this.#drawn / 2);
    return threefry(this.#key[0], this.#key[1], block >>> 0, Math.floor(block / 2 ** 32) >>> 0);
  }

  /** A uniform 32-bit unsigned integer. */
  uint32(): number {
    const odd = this.#drawn % 2 === 1;
    const [first, second] = odd ? [this.#second, 0] : this.#block();
    this.#drawn++;
    this.#second = second;
    return first;
  }

  /** A uniform number in `[low, high)`, with 32 random bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 2 ** 32);
  }

  /** A uniform integer in `0 … count − 1`. */
  integer(count: number): number {
    return Math.floor(this.uniform(0, count));
  }

  /** A normally distributed number (Box–Muller; one number a pair of draws, so no hidden state). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 2 ** 32));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers `0 … count − 1` in random order. */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}
