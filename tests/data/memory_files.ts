/** Files that exist only in memory, and note which of them were opened. */

import { DataError } from "../../data/errors.ts";
import type { Files } from "../../data/files.ts";

/** Stands in for the disk. */
export class MemoryFiles implements Files {
  /** Paths that were opened, in order. */
  readonly opened: string[] = [];
  readonly #files: Map<string, Uint8Array>;

  constructor(files: Record<string, Uint8Array>) {
    this.#files = new Map(Object.entries(files));
  }

  size(path: string): Promise<number> {
    return new Promise((resolve) => resolve(this.#bytes(path).length));
  }

  async *stream(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    this.opened.push(path);
    const bytes = this.#bytes(path);
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.slice(at, at + 1000);
  }

  #bytes(path: string): Uint8Array {
    const bytes = this.#files.get(path);
    if (bytes === undefined) throw new DataError("data.path", `${path} does not exist`);
    return bytes;
  }
}
