/**
 * What the page has in place of `node:zlib`: the part that reading NIfTI uses. The browser's own `DecompressionStream`
 * refuses what lies behind the end of a stream, and does not say where the end was.
 *
 * @module
 */

import { Inflate } from "./deps.ts";

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

/** Gives out all that can be inflated so far: zlib's `Z_SYNC_FLUSH`. */
const syncFlush = 2;

/** A stream that inflates at once. */
export class InflateRaw {
  readonly #inflate = new Inflate({ raw: true });
  readonly #on: Listeners = { data: () => {}, end: () => {}, error: () => {} };

  constructor() {
    this.#inflate.onData = (chunk) => this.#on.data(chunk);
    this.#inflate.onEnd = (code) =>
      code === 0 ? this.#on.end() : this.#on.error(new Error(this.#inflate.msg));
  }

  /** Sets the listener of an event. */
  on<K extends keyof Listeners>(event: K, listener: Listeners[K]): this {
    this.#on[event] = listener;
    return this;
  }

  /** Inflates bytes and calls back; what lies behind the end of the stream is passed over. */
  write(bytes: Uint8Array, done: () => void): void {
    this.#inflate.push(bytes, syncFlush);
    if (this.#inflate.err === 0) done();
  }

  /** Nothing is held. */
  destroy(): void {}
}

/** Makes a stream that inflates. */
export function createInflateRaw(): InflateRaw {
  return new InflateRaw();
}
