/**
 * JSON as people's programs write it.
 *
 * @module
 */

import { DataError } from "./errors.ts";
import { type Files, readBytes } from "./files.ts";

/**
 * Reads a JSON file.
 *
 * @throws {DataError} `data.path`, and as {@link parseJson}
 */
export async function readJson(path: string, files: Files): Promise<unknown> {
  return parseJson(await readText(files, path), path);
}

/**
 * The text of a file.
 *
 * @throws {DataError} `data.path`, and as {@link decodeText}
 */
export async function readText(files: Files, path: string): Promise<string> {
  return decodeText(await readBytes(files, path), path);
}

/**
 * The text of a file in UTF-8 or, when its byte order mark says so, UTF-16.
 *
 * @throws {DataError} `manifest.encoding` for bytes that are neither
 */
export function decodeText(bytes: Uint8Array<ArrayBuffer>, path: string): string {
  const mark = bytes[0] === 0xff && bytes[1] === 0xfe
    ? "utf-16le"
    : bytes[0] === 0xfe && bytes[1] === 0xff
    ? "utf-16be"
    : "utf-8";
  try {
    return new TextDecoder(mark, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError("manifest.encoding", `${path} is no text in UTF-8`, {
      cause,
      fix: "Save it as UTF-8.",
    });
  }
}

/**
 * Parses JSON; a byte order mark in front is passed over.
 *
 * @throws {DataError} `manifest.json` with line and column
 */
export function parseJson(text: string, path: string): unknown {
  const content = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(content);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const position = /position (\d+)/.exec(message);
    const before = content.slice(0, position === null ? content.length : Number(position[1])).split("\n");
    const where = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
    throw new DataError("manifest.json", `${path} is no JSON at ${where}: ${message}`, {
      cause,
      fix: "Look for a missing comma, quote or bracket there.",
    });
  }
}
