/**
 * Reads a file, gzipped or not, as one run of bytes of which only a block is ever held.
 *
 * @module
 */

import type { Files } from "../files.ts";
import { gunzip, type GzipEnd } from "./gunzip.ts";

/** A cursor over the (decompressed) bytes of one file. Release it with `await using`. */
export class ByteReader {
  /** Whether the content is gzip, decided by its first two bytes, never by the name. */
  readonly compressed: boolean;
  /** Bytes of the file on disk. */
  readonly fileSize: number;
  readonly #path: string;
  readonly #chunks: AsyncGenerator<Uint8Array>;
  readonly #source: AsyncGenerator<Uint8Array>;
  readonly #end: GzipEnd;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  private constructor(
    path: string,
    fileSize: number,
    compressed: boolean,
    chunks: AsyncGenerator<Uint8Array>,
    source: AsyncGenerator<Uint8Array>,
    end: GzipEnd,
  ) {
    this.#end = end;
    this.#path = path;
    this.fileSize = fileSize;
    this.compressed = compressed;
    this.#chunks = chunks;
    this.#source = source;
  }

  /**
   * Opens a file at its first byte.
   *
   * @throws {DataError} `data.path` when it cannot be read
   */
  static async open(files: Files, path: string): Promise<ByteReader> {
    const size = await files.size(path);
    const source = files.stream(path);
    const first = await source.next();
    const head = first.done ? new Uint8Array(0) : first.value;
    const whole = chain(head, source);
    const compressed = head[0] === 0x1f && head[1] === 0x8b;
    const end = { trailing: 0 };
    const chunks = compressed ? gunzip(whole, path, size, end) : whole;
    return new ByteReader(path, size, compressed, chunks, source, end);
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes behind a gzip stream, known once its content is used up. */
  get trailing(): number {
    return this.#end.trailing;
  }

  /** Fills `target` as far as the file reaches, and returns how many bytes that were. */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && await this.#more()) {
      const part = this.#chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      this.#chunk = this.#chunk.subarray(part.length);
      filled += part.length;
    }
    this.#position += filled;
    return filled;
  }

  /** Passes over up to `count` bytes, and returns how many there were. */
  async skip(count: number): Promise<number> {
    let passed = 0;
    while (passed < count && await this.#more()) {
      const part = Math.min(this.#chunk.length, count - passed);
      this.#chunk = this.#chunk.subarray(part);
      passed += part;
    }
    this.#position += passed;
    return passed;
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#chunk = next.value;
    }
    return true;
  }

  /** Closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return(undefined);
    await this.#source.return(undefined); // the chain above does not pass it on if nobody read from it yet
  }

  /** The path, for messages. */
  get path(): string {
    return this.#path;
  }
}

async function* chain(
  head: Uint8Array<ArrayBuffer>,
  rest: AsyncGenerator<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
