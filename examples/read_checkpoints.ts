/**
 * The files of `--checkpoint`.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import { UsageError, type Values } from "./command.ts";

/** The contents of the checkpoints, by their paths. */
export async function readCheckpoints(values: Values): Promise<Map<string, Uint8Array>> {
  const paths = (values.checkpoint ?? []) as string[];
  if (paths.length === 0) throw new UsageError("--checkpoint is missing", "See --help.");
  const checkpoints = new Map<string, Uint8Array>();
  for (const path of paths) {
    if (checkpoints.has(path)) throw new UsageError(`--checkpoint ${path} is given twice`);
    try {
      checkpoints.set(path, await Deno.readFile(path));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotCapable) throw cause;
      throw new CodedError("checkpoint.path", `${path} cannot be read: ${(cause as Error).message}`, {
        cause,
        fix: "Give a file from the checkpoints folder of a run.",
      });
    }
  }
  return checkpoints;
}
