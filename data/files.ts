/**
 * Where bytes come from: the disk, or anything that can stand in for it.
 *
 * @module
 */

import { resolve } from "node:path";
import { DataError } from "./errors.ts";

/** The few things reading needs from a file system. */
export interface Files {
  /**
   * The size of a file in bytes.
   *
   * @throws {DataError} `data.path` when it is missing, no file or not readable
   */
  size(path: string): Promise<number>;
  /**
   * The content of a file from its start, in chunks; the file is closed when the consumer stops.
   *
   * @throws {DataError} `data.path` as for {@link Files.size}
   */
  stream(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** The files of this computer. */
export const diskFiles: Files = {
  async size(path: string): Promise<number> {
    const { isFile, isDirectory, size } = await Deno.stat(path).catch((cause) => refuse(path, cause));
    if (isFile) return size;
    throw new DataError("data.path", `${resolve(path)} is ${isDirectory ? "a folder" : "no regular file"}`, {
      fix: "Name the file itself.",
    });
  },
  async *stream(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    using file = await Deno.open(path).catch((cause) => refuse(path, cause));
    while (true) {
      const chunk = new Uint8Array(1 << 18);
      const count = await file.read(chunk).catch((cause) => refuse(path, cause));
      if (count === null) return;
      yield chunk.subarray(0, count);
    }
  },
};

function refuse(path: string, cause: unknown): never {
  const where = resolve(path);
  if (cause instanceof Deno.errors.NotFound) {
    throw new DataError("data.path", `${where} does not exist`, { cause, fix: "Check the path." });
  }
  if (cause instanceof Deno.errors.NotCapable) {
    throw new DataError("data.path", `Deno may not read ${where}`, {
      cause,
      fix: `Run with -R=${where} (or --allow-read).`,
    });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    throw new DataError("data.path", `${where} may not be read by this user`, {
      cause,
      fix: "Change the permissions of the file, or run as its owner.",
    });
  }
  throw new DataError(
    "data.path",
    `${where} cannot be read: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
    },
  );
}

/** A file's whole content. */
export async function readBytes(files: Files, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await files.size(path));
  let filled = 0;
  for await (const chunk of files.stream(path)) {
    if (filled + chunk.length > bytes.length) {
      throw new DataError("data.path", `${resolve(path)} grew while it was read`);
    }
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes.subarray(0, filled);
}
