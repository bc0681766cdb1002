/**
 * What the page has in place of `node:crypto`: the browser's own SHA-256 answers later, and its callers want it at once.
 *
 * @module
 */

import { sha256 } from "./deps.ts";

/** A hash that is fed texts. */
class Hash {
  readonly #hash = sha256.create();

  /** Adds a text. */
  update(text: string): this {
    this.#hash.update(new TextEncoder().encode(text));
    return this;
  }

  /** The hash in hexadecimal digits. */
  digest(): string {
    return Array.from(this.#hash.digest(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** A SHA-256 hash. */
export function createHash(_algorithm: "sha256"): Hash {
  return new Hash();
}
