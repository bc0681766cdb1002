/**
 * Names that people give (cases, modalities, classes) as names of files.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";

/** Bytes a name may have at most; 255 is the limit of file systems, endings take some. */
const longest = 200;

/**
 * One file name, without ending, for a sequence of names: of as many names, different ones give different files (a case
 * `a_mr` and the modality `mr` of a case `a` do not: who writes both looks whether they meet). The first name keeps its
 * underscores, those of the others are written as `=5F`, and `_` joins them.
 *
 * Letters and digits of all scripts, `-` and `.` stay as they are; everything else (and a name that is not in Unicode
 * form C, which some file systems would change) becomes `=` and two hex digits for each byte of UTF-8. A name too long for
 * file systems ends in `==` and a hash.
 *
 * @param first such as the id of a case
 * @param rest such as a modality and a class
 *
 * @example
 * ```ts
 * import { fileName } from "./file_name.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(fileName("case_042", "mr"), "case_042_mr");
 * assert.notEqual(fileName("p", "y_x"), fileName("p_y", "x"));
 * assert.equal(fileName("a/b", "左腎"), "a=2Fb_左腎");
 * ```
 */
export function fileName(first: string, ...rest: readonly string[]): string {
  const name = [encoded(first, /[\p{L}\p{N}._-]/u), ...rest.map((part) => encoded(part, /[\p{L}\p{N}.-]/u))]
    .join("_");
  if (Buffer.byteLength(name) <= longest) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const start = Buffer.from(name).subarray(0, longest - 40).toString().replace(/(=.?|\uFFFD+)$/, "");
  return `${start}==${hash}`;
}

function encoded(name: string, kept: RegExp): string {
  const isComposed = name === name.normalize("NFC");
  const chars = [...name].map((char, at) => {
    const plain = kept.test(char) && (isComposed || char < "\x80") && !(at === 0 && char === ".");
    return plain ? char : [...new TextEncoder().encode(char)].map(escaped).join("");
  });
  return chars.join("");
}

function escaped(byte: number): string {
  return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
