/**
 * Bytes that are read where they are needed: a checkpoint can be larger than what is taken from it.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";

/** Bytes with random access. */
export interface ByteSource {
  /** For error messages. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /**
   * A copy of `length` bytes from `offset`.
   *
   * @throws {ParameterFileError} `weights.truncated` where there are not so many
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

function requireInside({ name, size }: ByteSource, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new ParameterFileError(
    "weights.truncated",
    `${name}: ${length} bytes at ${offset} were announced, the file has ${size}`,
    { fix: "The file was cut off or damaged; copy or download it again." },
  );
}

/** Bytes in memory. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.length,
    read(offset, length) {
      requireInside(source, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
  return source;
}

/** A file; dispose of it to close it. */
export function fileSource(path: string): ByteSource & Disposable {
  const file = Deno.openSync(path);
  const source: ByteSource & Disposable = {
    name: path,
    size: file.statSync().size,
    read(offset, length) {
      requireInside(source, offset, length);
      const bytes = new Uint8Array(length);
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = file.readSync(bytes.subarray(done));
        if (count === null) requireInside(source, source.size, 1); // it shrank meanwhile
        done += count!;
      }
      return bytes;
    },
    [Symbol.dispose]: () => file.close(),
  };
  return source;
}
