/**
 * What a command is about to write, checked before it starts to work.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { CodedError } from "../tensor/errors.ts";

/**
 * Makes the folders of files that a command will write, and refuses what would be lost or fail at the end: a file
 * over an input (also through a link), two files of one name, a folder in the way, a place that cannot be written.
 *
 * @param outputs the files to write
 * @param inputs the files the command reads
 * @throws {CodedError} `io.overwrite`, `io.write`
 */
export async function prepareOutputs(outputs: readonly string[], inputs: readonly string[]): Promise<void> {
  const read = new Map<string, string>();
  for (const path of inputs) for (const name of await identities(path)) read.set(name, path);
  const written = new Map<string, string>();
  for (const path of outputs) {
    const names = await identities(path);
    for (const name of names) {
      const input = read.get(name), twin = written.get(name);
      if (input !== undefined) {
        throw new CodedError(
          "io.overwrite",
          `${resolve(path)} would be written over the input ${resolve(input)}`,
          {
            fix: "Choose another place with --out.",
          },
        );
      }
      if (twin !== undefined) {
        throw new CodedError(
          "io.overwrite",
          twin === path
            ? `${path} would be written twice: two results have one name`
            : `${twin} and ${path} are the same file, and both would be written`,
          {
            fix:
              "Choose names that differ: of the folders, or of cases, modalities and classes in the manifest.",
          },
        );
      }
    }
    for (const name of names) written.set(name, path);
  }
  for (const folder of new Set(outputs.map((path) => dirname(path)))) await requireWritable(folder);
  for (const path of outputs) {
    const found = await statOf(path);
    if (found !== undefined && !found.isFile) {
      throw new CodedError("io.write", `${resolve(path)} is ${found.isDirectory ? "a folder" : "no file"}`, {
        fix: "Choose another name.",
      });
    }
  }
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** What tells a file from all others: its place with every link followed, and on most systems its number. */
async function identities(path: string): Promise<string[]> {
  const found = await statOf(path);
  if (found === undefined) return [join(await realFolder(dirname(resolve(path))), basename(path))];
  const number = found.ino === null || found.ino === 0 ? [] : [`${found.dev}:${found.ino}`];
  return [await Deno.realPath(path), ...number];
}

/** A folder with every link followed, as far as it is there. */
async function realFolder(path: string): Promise<string> {
  if (await statOf(path) !== undefined || dirname(path) === path) {
    return await Deno.realPath(path).catch(() => path);
  }
  return join(await realFolder(dirname(path)), basename(path));
}

async function requireWritable(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".cmc-" }));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new CodedError("io.write", `${resolve(folder)} cannot be written: ${(cause as Error).message}`, {
      cause,
      fix: "Choose a folder that can be made and written.",
    });
  }
}
