/**
 * Keeps what is expensive to make, up to a number of bytes.
 *
 * @module
 */

/** A cache that forgets what was used longest ago when it would exceed its size. */
export class BoundedCache<T> {
  readonly #limit: number;
  readonly #sizeOf: (value: T) => number;
  readonly #entries = new Map<string, { value: Promise<T>; bytes: number }>();
  #bytes = 0;

  /** Makes an empty cache of at most `limit` bytes, which `sizeOf` counts. */
  constructor(limit: number, sizeOf: (value: T) => number) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key, made by `make` when it is not held; two requests at once make it once. */
  get(key: string, make: () => Promise<T>): Promise<T> {
    const held = this.#entries.get(key);
    if (held !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, held); // the last of a Map is the one used last
      return held.value;
    }
    const entry = { value: make(), bytes: 0 };
    this.#entries.set(key, entry);
    entry.value.then((value) => {
      entry.bytes = this.#sizeOf(value);
      this.#bytes += entry.bytes;
      this.#shrink();
    }, () => this.#entries.delete(key));
    return entry.value;
  }

  #shrink(): void {
    for (const [key, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#limit) return;
      if (bytes === 0) continue; // still being made
      this.#entries.delete(key);
      this.#bytes -= bytes;
    }
  }
}
