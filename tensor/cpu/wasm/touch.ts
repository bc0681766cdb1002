/**
 * Brings runs of memory into the cache before scattered reads of them, which would wait for each line.
 * WebAssembly has no prefetch instruction; a plain read in order does what it would.
 *
 * @module
 */

import { block, type Code, i32, type Local, loop } from "./instructions.ts";

/** Bytes of a cache line. */
const line = 64;

/**
 * Reads a word of each line of several runs of so many bytes, which start at constant distances from an
 * address. The engine would leave out reads whose values go nowhere: they are collected in `seen`, to be
 * stored at a place that is written later.
 */
export function touch(
  { at, seen }: { at: Local; seen: Local },
  address: Code,
  bytes: Code,
  distances: readonly number[],
): Code {
  const reads = distances.map((distance) =>
    seen.set(i32.or(seen.get, i32.load(i32.add(address, at.get), distance)))
  );
  return loop(at, i32.const(0), bytes, line, block(...reads));
}
