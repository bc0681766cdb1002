/**
 * Brings runs of memory into the cache before scattered reads of them, which would wait for each line.
 * WebAssembly has no prefetch instruction; a plain read in order does what it would.
 *
 * @module
 */

import { type Code, i32, type Local, loop, type Operand, type Statements } from "./emit/mod.ts";

/** Bytes of a cache line. */
const line = 64;

/**
 * Reads a word of each line of several runs of so many bytes, which start at constant distances from an
 * address. The engine would leave out reads whose values go nowhere: they are collected in `seen`, to be
 * stored at a place that is written later.
 */
export function prefetch(
  seen: Local<"i32">,
  address: Code<"i32">,
  bytes: Operand<"i32">,
  distances: readonly number[],
): Statements {
  return loop(
    0,
    bytes,
    line,
    (at) => distances.map((distance) => seen.set(seen.or(i32.load(address.add(at), distance)))),
  );
}
