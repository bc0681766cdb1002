/**
 * Reading the JSON files that people and earlier runs leave.
 *
 * @module
 */

import { decodeText, parseJson } from "../../data/json.ts";
import { CodedError } from "../../tensor/errors.ts";

/**
 * The object in a JSON file; a byte order mark at its start is skipped.
 *
 * @param fix what to do when there is no such file
 * @throws {CodedError} `io.missing`, `io.permission`, `io.read` when it cannot be read, `io.json` when it holds
 * another value than an object
 * @throws {DataError} `manifest.json` with line and column when it is no JSON
 */
export async function readJsonObject(path: string, fix: string): Promise<Record<string, unknown>> {
  const value = parseJson(decodeText(await readFile(path, fix), path), path);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw new CodedError("io.json", `${path} holds ${found}; expected an object in braces`, {
    fix: "Correct the file.",
  });
}

/**
 * The bytes of a file.
 *
 * @param fix what to do when there is no such file
 * @throws {CodedError} `io.missing`, `io.permission`, `io.read`
 */
export async function readFile(path: string, fix: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new CodedError("io.missing", `${path} does not exist`, { cause, fix });
    }
    if (cause instanceof Deno.errors.NotCapable) {
      throw new CodedError("io.permission", `Deno may not read ${path}`, {
        cause,
        fix: `Run with --allow-read=${path} (or --allow-read).`,
      });
    }
    throw new CodedError("io.read", `${path} cannot be read: ${(cause as Error).message}`, { cause, fix });
  }
}
