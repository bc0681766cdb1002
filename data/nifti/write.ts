/**
 * Writing NIfTI files.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { DataError } from "../errors.ts";
import { encodeNifti, type WriteOptions } from "./encode.ts";
import type { Volume } from "../volume.ts";

/**
 * Writes a volume to `.nii` or, by the name, `.nii.gz`. An existing file is replaced in one step at the end, so
 * a failure leaves it as it was.
 *
 * @throws {DataError} as {@link encodeNifti}, and `io.write` when the file cannot be written
 */
export async function writeNifti(path: string, volume: Volume, options: WriteOptions = {}): Promise<void> {
  if (!/\.nii(\.gz)?$/i.test(path)) {
    throw new DataError("io.write", `${path} does not end in .nii or .nii.gz`, {
      fix: "Choose such a name.",
    });
  }
  const bytes = encodeNifti(volume, options);
  const part = `${path}.part`;
  try {
    await Deno.writeFile(part, /\.gz$/i.test(path) ? gzipSync(bytes) : bytes);
    await Deno.rename(part, path);
  } catch (cause) {
    await Deno.remove(part).catch(() => {}); // it may never have been made; the first error is the one to tell
    throw new DataError(
      "io.write",
      `${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
        fix:
          "Check that the folder exists, is writable and has space, and that Deno was given --allow-write.",
      },
    );
  }
}
