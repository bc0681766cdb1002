/**
 * The micro-kernel of matrix products: a tile of results stays in registers while a part of the inner axis is
 * summed.
 *
 * Ten sums, five rows of two vectors, fill the registers without spilling, and are enough to hide the latency of
 * the multiply-adds; eight are not. One load brings the factors of four rows, and shuffles spread each over the
 * lanes, since a load with its check of the bounds costs more than a shuffle.
 *
 * @module
 */

import {
  type Code,
  declare,
  f32,
  f32x4,
  type Lanes,
  type Local,
  locals,
  loop,
  madd,
  procedure,
  repeat,
  shuffle,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";

/** Rows and columns of a tile. */
export interface Tile {
  /** Rows of a strip of a. */
  readonly rows: number;
  /** Columns of a strip of b, a multiple of four. */
  readonly columns: number;
  /** Whether the engine joins vectors: then factors are spread on loading. */
  readonly wide: boolean;
}

/**
 * Part of the inner axis that is summed at once: 32 KiB of a strip of b, most of which a first-level cache holds.
 * Shorter parts read and write the results more often, which was measured to cost more.
 */
export function depthOf({ columns }: Tile): number {
  return Math.floor(8192 / columns);
}

/** The tile that the registers of this engine hold. */
export function tileOf({ wide }: Engine): Tile {
  return wide ? { rows: 6, columns: 16, wide } : { rows: 5, columns: 8, wide };
}

/** One step of the inner axis: `sums[r][i] += a[r] · b[i]`. */
function productStep({ rows, columns, wide }: Tile, sums: readonly (readonly Local<"f32x4">[])[]) {
  const { factors, factor } = declare({ factors: "f32x4", factor: "f32x4" });
  const values = locals("f32x4", columns / 4);
  const isShuffled = (r: number): boolean => !wide && r < rows - rows % 4;
  return (a: Code<"i32">, b: Code<"i32">, at: number): Statements => {
    const load = (r: number): Code<"f32x4"> => f32x4.loadSplat(a, 4 * (at * rows + r));
    return [
      values.map((value, i) => value.set(f32x4.load(b, 4 * columns * at + 16 * i))),
      sums.map((line, r) => [
        isShuffled(r) && r % 4 === 0 ? factors.set(f32x4.load(a, 4 * (at * rows + r))) : [],
        factor.set(
          isShuffled(r) ? shuffle(factors, factors, new Array(4).fill(r % 4) as unknown as Lanes) : load(r),
        ),
        line.map((sum, i) => sum.set(madd(factor, values[i]!, sum))),
      ]),
    ];
  };
}

/**
 * Adds `count` products to each result of a tile, or starts it with them. The strips are `[count][rows]` and
 * `[count][columns]`, rows of c are `pitch` bytes apart.
 */
export function tileProduct(tile: Tile) {
  const { rows, columns } = tile;
  const places = { a: "i32", b: "i32", c: "i32" } as const;
  const parameters = { ...places, count: "i32", isFirst: "i32", pitch: "i32" } as const;
  return procedure(parameters, ({ a, b, c, count, isFirst, pitch }) => {
    const sums = unroll(rows, () => locals("f32x4", columns / 4));
    const { row, fours } = declare({ row: "i32", fours: "i32" });
    const step = productStep(tile, sums);
    const advance = (steps: number): Statements => [
      a.increase(4 * rows * steps),
      b.increase(4 * columns * steps),
    ];
    const eachRow = (body: (sum: Local<"f32x4">, offset: number) => Statements): Statements => [
      row.set(c),
      sums.map((line) => [line.map((sum, i) => body(sum, 16 * i)), row.increase(pitch)]),
    ];
    return [
      when(
        isFirst,
        sums.flat().map((sum) => sum.set(0)),
        eachRow((sum, offset) => sum.set(f32x4.load(row, offset))),
      ),
      fours.set(count.and(-4)),
      loop(0, fours, 4, () => [unroll(4, (at) => step(a, b, at)), advance(4)]),
      loop(fours, count, 1, () => [step(a, b, 0), advance(1)]),
      eachRow((sum, offset) => f32x4.store(row, sum, offset)),
    ];
  });
}

/** Puts the first rows and columns (in bytes) of a tile at their places, or adds them. */
export function tileEdge({ columns: width }: Tile) {
  const size = { rows: "i32", columns: "i32" } as const;
  const parameters = { from: "i32", c: "i32", ...size, isFirst: "i32", pitch: "i32" } as const;
  return procedure(parameters, ({ from, c, rows, columns, isFirst, pitch }) =>
    repeat(rows, () => [
      loop(0, columns, 4, (at) => {
        const [source, target] = [f32.load(from.add(at)), c.add(at)];
        return when(isFirst, f32.store(target, source), f32.store(target, f32.load(target).add(source)));
      }),
      from.increase(4 * width),
      c.increase(pitch),
    ]));
}
