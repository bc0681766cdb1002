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
  f32x4,
  func,
  i32,
  i32x4,
  least,
  type Local,
  locals,
  loop,
  madd,
  type Operand,
  type Statements,
  sumLanes,
  unroll,
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

/** Four neighbours, some bytes after the address. */
const neighbours = (shift: number): Access => ({
  load: (address, offset = 0) => f32x4.load(address, shift + offset),
  store: (address, value, offset = 0) => f32x4.store(address, value, shift + offset),
  present: i32x4.const(-1),
});
const fourNeighbours = neighbours(0);
const oneElement: Access = {
  load: f32x4.loadFirst,
  store: f32x4.storeFirst,
  present: i32x4.lanes([-1, 0, 0, 0]),
};

/**
 * The vectors of a step of a loop. V8 joins two to one of 256 bits where their addresses differ by 16 alone and their
 * stores are not parted by loads: so an address is computed for the first vector and kept for the others, and what is
 * stored waits until all are computed.
 *
 * @param late where the stores go
 */
function vectorsOfStep(late: Statements[]): (i: number) => Access {
  const places: Local<"i32">[] = [];
  return (i) => {
    const shift = 16 * i;
    let next = 0;
    const placed = (address: Operand<"i32">) => {
      if (i > 0) return { place: places[next++]!, code: [] };
      const { place } = declare({ place: "i32" });
      places.push(place);
      return { place, code: place.set(address) };
    };
    return {
      load(address, offset = 0) {
        const { place, code } = placed(address);
        return after([code], f32x4.load(place, shift + offset));
      },
      store(address, value, offset = 0) {
        const { place, code } = placed(address), { kept } = declare({ kept: "f32x4" });
        late.push(code, f32x4.store(place, kept, shift + offset));
        return kept.set(value);
      },
      present: fourNeighbours.present,
    };
  };
}

/**
 * Runs a body over the elements between two offsets in bytes.
 *
 * @param written vectors of a step of the loop: more than one where bodies are short
 * @param joined whether two of them are to become one of 256 bits
 */
export function overRun(
  from: Operand<"i32">,
  to: Operand<"i32">,
  body: (at: Local<"i32">, access: Access) => Statements,
  written = 1,
  joined = false,
): Statements {
  const [start, end] = [from, to].map((offset) => typeof offset === "number" ? i32.const(offset) : offset);
  const steps = settle(start!, end!, 16 * written);
  const vectors = written === 1 ? steps : settle(start!, end!, 16);
  return [
    steps.code,
    loop(start!, steps.end, 16 * written, (at) => {
      if (!joined) return unroll(written, (i) => body(at, neighbours(16 * i)));
      const late: Statements[] = [], access = vectorsOfStep(late);
      return [unroll(written, (i) => body(at, access(i))), late];
    }),
    written === 1 ? [] : [vectors.code, loop(steps.end, vectors.end, 16, (at) => body(at, fourNeighbours))],
    loop(vectors.end, end!, 4, (at) => body(at, oneElement)),
  ];
}

/** The end of the whole steps of a run: known, or in a variable that `code` sets. */
function settle(start: Code<"i32">, end: Code<"i32">, step: number) {
  const whole = start.add(end.sub(start).and(-step));
  if (whole.constant !== undefined) return { end: whole, code: [] };
  const { kept } = declare({ kept: "i32" });
  return { end: kept, code: kept.set(whole) };
}

/** Elements added in float32 before they go into a float64 sum. */
const shortRun = 1024;

/** Vectors that are summed side by side, so that additions do not wait for each other. */
const lines = 4;

/**
 * Adds up terms over a run of so many bytes: short pieces in float32, which go into float64 totals. Terms must be
 * 0 in lanes without an element.
 *
 * @param terms adds its terms to the float32 sums, one for each total
 */
export function sumOverRun(
  bytes: Operand<"i32">,
  totals: readonly Local<"f64">[],
  terms: (at: Local<"i32">, access: Access, sums: readonly Local<"f32x4">[]) => Statements,
): Statements {
  const { whole, stop, even } = declare({ whole: "i32", stop: "i32", even: "i32" });
  const sums: readonly Sums[] = unroll(lines, () => locals("f32x4", totals.length));
  const [first, second, third, fourth] = sums as readonly [Sums, Sums, Sums, Sums];
  const end = typeof bytes === "number" ? i32.const(bytes) : bytes;
  const clear = sums.flat().map((sum) => sum.set(0));
  const flush = totals.map((total, i) => [
    first[i]!.set(first[i]!.add(second[i]!).add(third[i]!.add(fourth[i]!))),
    total.increase(sumLanes(first[i]!).promote()),
  ]);
  return [
    whole.set(end.and(-16)),
    loop(0, whole, 4 * shortRun, (piece) => [
      stop.set(least(piece.add(4 * shortRun), whole)),
      even.set(piece.add(stop.sub(piece).and(-16 * lines))),
      clear,
      loop(piece, even, 16 * lines, (at) => unroll(lines, (i) => terms(at, neighbours(16 * i), sums[i]!))),
      loop(even, stop, 16, (at) => terms(at, fourNeighbours, first)),
      flush,
    ]),
    clear,
    loop(whole, end, 4, (at) => terms(at, oneElement, first)),
    flush,
  ];
}

type Sums = readonly Local<"f32x4">[];

/** The sum of the floats in so many bytes at an address. */
export const sumOfRun = func({ address: "i32", bytes: "i32" }, ({ address, bytes }) => {
  const { total } = declare({ total: "f64" });
  return after(
    sumOverRun(bytes, [total], (at, { load }, [sum]) => sum!.increase(load(address.add(at)))),
    total,
  );
});

/** The sum of their squares. */
export const squaresOfRun = func({ address: "i32", bytes: "i32" }, ({ address, bytes }) => {
  const { total, x } = declare({ total: "f64", x: "f32x4" });
  return after(
    sumOverRun(bytes, [total], (at, { load }, [sum]) => [
      x.set(load(address.add(at))),
      sum!.set(madd(x, x, sum!)),
    ]),
    total,
  );
});

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
