/**
 * What the page has in place of `node:zlib`: the part that reading NIfTI uses.
 *
 * @module
 */

import { Inflater } from "./inflate.ts";

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ rest >>> 1 : rest >>> 1;
  return rest;
});

/** The CRC-32 of bytes, continuing one. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let at = 0; at < bytes.length; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Listeners of an {@link InflateRaw}. */
interface Listeners {
  data: (chunk: Uint8Array) => void;
  end: () => void;
  error: (error: Error) => void;
}

/** A stream that inflates at once. */
export class InflateRaw {
  readonly #inflater = new Inflater();
  readonly #on: Listeners = { data: () => {}, end: () => {}, error: () => {} };

  /** Sets the listener of an event. */
  on<K extends keyof Listeners>(event: K, listener: Listeners[K]): this {
    this.#on[event] = listener;
    return this;
  }

  /** Inflates bytes and calls back. */
  write(bytes: Uint8Array, done: () => void): void {
    const had = this.#inflater.ended;
    try {
      for (const chunk of this.#inflater.push(bytes)) this.#on.data(chunk);
    } catch (error) {
      return this.#on.error(error as Error);
    }
    if (this.#inflater.ended && !had) this.#on.end();
    done();
  }

  /** Nothing is held. */
  destroy(): void {}
}

/** Makes a stream that inflates. */
export function createInflateRaw(): InflateRaw {
  return new InflateRaw();
}
