/**
 * Runs of neighbouring elements in memory: four at a time, then the rest one by one; and their sums.
 *
 * @module
 */

import type { Statement } from "./emit/code.ts";
import {
  after,
  type Code,
  declare,
  f32,
  f32x4,
  func,
  i32,
  i32x4,
  least,
  type Local,
  loop,
  madd,
  type Operand,
  type Statements,
  sumLanes,
} from "./emit/mod.ts";

/** How elements are read and written: four neighbours, or one where no four are left. */
export interface Access {
  /** Reads; lanes without an element are 0. */
  load(address: Operand<"i32">, offset?: number): Code<"f32x4">;
  /** Writes. */
  store(address: Operand<"i32">, value: Operand<"f32x4">, offset?: number): Statement;
  /** Set in the lanes that have an element. */
  readonly present: Code<"i32x4">;
}

const fourNeighbours: Access = { load: f32x4.load, store: f32x4.store, present: i32x4.const(-1) };
const oneElement: Access = {
  load: f32x4.loadFirst,
  store: f32x4.storeFirst,
  present: i32x4.lanes([-1, 0, 0, 0]),
};

/** Runs a body over the elements between two offsets in bytes. */
export function overRun(
  from: Operand<"i32">,
  to: Operand<"i32">,
  body: (at: Local<"i32">, access: Access) => Statements,
): Statements {
  const { whole } = declare({ whole: "i32" });
  const start = typeof from === "number" ? i32.const(from) : from;
  const end = typeof to === "number" ? i32.const(to) : to;
  const wholeEnd = start.add(end.sub(start).and(-16));
  const isKnown = wholeEnd.constant !== undefined;
  return [
    isKnown ? [] : whole.set(wholeEnd),
    loop(start, isKnown ? wholeEnd : whole, 16, (at) => body(at, fourNeighbours)),
    loop(isKnown ? wholeEnd : whole, end, 4, (at) => body(at, oneElement)),
  ];
}

/** Elements added in float32 before they go into a float64 sum. */
const shortRun = 1024;

/** Runs a body for each short piece of a run of so many bytes, a multiple of 16. */
function overPieces(
  bytes: Operand<"i32">,
  body: (from: Local<"i32">, to: Local<"i32">) => Statements,
): Statements {
  const { stop } = declare({ stop: "i32" });
  return loop(0, bytes, 4 * shortRun, (piece) => [
    stop.set(least(piece.add(4 * shortRun), bytes)),
    body(piece, stop),
  ]);
}

/**
 * Adds up terms over a run of so many bytes into float64 totals. Terms must be 0 in lanes without an element.
 *
 * @param terms adds its terms: `add(i, term)` for the i-th total
 */
export function sumOverRun(
  bytes: Operand<"i32">,
  totals: readonly Local<"f64">[],
  terms: (
    at: Local<"i32">,
    access: Access,
    add: (i: number, term: Code<"f32x4">) => Statement,
  ) => Statements,
): Statements {
  const { whole, sums } = declare({ whole: "i32", sums: ["f32x4", totals.length] });
  const add = (i: number, term: Code<"f32x4">) => sums[i]!.increase(term);
  const clear = sums.map((sum) => sum.set(0));
  const flush = totals.map((total, i) => total.increase(sumLanes(sums[i]!).promote()));
  const end = typeof bytes === "number" ? i32.const(bytes) : bytes;
  return [
    whole.set(end.and(-16)),
    overPieces(whole, (from, to) => [
      clear,
      loop(from, to, 16, (at) => terms(at, fourNeighbours, add)),
      flush,
    ]),
    clear,
    loop(whole, end, 4, (at) => terms(at, oneElement, add)),
    flush,
  ];
}

interface Term {
  /** Adds the terms of four elements. */
  four(sum: Code<"f32x4">, x: Local<"f32x4">): Code<"f32x4">;
  /** The term of one. */
  one(x: Local<"f64">): Code<"f64">;
}

function runSum({ four, one }: Term) {
  return func({ address: "i32", bytes: "i32" }, ({ address, bytes }) => {
    const { x, single, total } = declare({ x: "f32x4", single: "f64", total: "f64" });
    const { sums, end, whole } = declare({ sums: ["f32x4", 4], end: "i32", whole: "i32" });
    const [first, second, third, fourth] = sums as [
      Local<"f32x4">,
      Local<"f32x4">,
      Local<"f32x4">,
      Local<"f32x4">,
    ];
    const add = (sum: Local<"f32x4">, at: Local<"i32">, offset = 0) => [
      x.set(f32x4.load(address.add(at), offset)),
      sum.set(four(sum, x)),
    ];
    return after([
      end.set(bytes.and(-16)),
      overPieces(end, (from, to) => [
        sums.map((sum) => sum.set(0)),
        whole.set(from.add(to.sub(from).and(-64))),
        loop(from, whole, 64, (at) => sums.map((sum, i) => add(sum, at, 16 * i))),
        loop(whole, to, 16, (at) => add(first, at)),
        first.set(first.add(second).add(third.add(fourth))),
        total.increase(sumLanes(first).promote()),
      ]),
      loop(end, bytes, 4, (at) => [
        single.set(f32.load(address.add(at)).promote()),
        total.increase(one(single)),
      ]),
    ], total);
  });
}

/** The sum of the floats in so many bytes at an address. */
export const sumOfRun = runSum({ four: (sum, x) => sum.add(x), one: (x) => x });

/** The sum of their squares. */
export const squaresOfRun = runSum({ four: (sum, x) => madd(x, x, sum), one: (x) => x.mul(x) });

/** Runs a body with the first and the last offset of one of the pieces that a run of so many bytes is cut into. */
export function piece(
  index: Code<"i32">,
  { bytes, total }: { readonly bytes: number; readonly total: Operand<"i32"> },
  body: (from: Local<"i32">, to: Local<"i32">) => Statements,
): Statements {
  const { from, to } = declare({ from: "i32", to: "i32" });
  const end = typeof total === "number" ? i32.const(total) : total;
  return [
    from.set(index.mul(bytes)),
    to.set(from.add(least(end.sub(from), bytes))),
    body(from, to),
  ];
}

/** Bytes of a work item of a contiguous array. */
export const itemBytes = 4 * 16384;

/** Work items of so many contiguous elements. */
export function itemsIn(length: number): number {
  return Math.ceil(4 * length / itemBytes);
}
