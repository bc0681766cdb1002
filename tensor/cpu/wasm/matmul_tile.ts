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

import type { Engine } from "./engine.ts";
import { block, type Code, f32, i32, type Local, loop, madd, v128, when } from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";

/** Rows and columns of a tile. */
export interface Tile {
  /** Rows of a strip of a. */
  readonly rows: number;
  /** Columns of a strip of b, a multiple of four. */
  readonly columns: number;
}

/** The tile that the registers of this engine hold. */
export function tileOf(engine: Engine): Tile {
  return engine.wide ? { rows: 6, columns: 16 } : { rows: 5, columns: 8 };
}

/**
 * Adds `tile(a, b, c, count, isFirst, pitch)`: adds `count` products to each result, or starts it with them. The
 * strips are `[count][rows]` and `[count][columns]`, rows of c are `pitch` bytes apart.
 */
export function addTile(module: ModuleBuilder, { rows, columns }: Tile, wide: boolean): number {
  return module.add("tile", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals, all) => {
    const [a, b, c, count, isFirst, pitch] = all as [Local, Local, Local, Local, Local, Local];
    const sums = Array.from({ length: rows }, () => locals.locals("v128", columns / 4));
    const columnValues = locals.locals("v128", columns / 4);
    const [rowValues, value] = locals.locals("v128", 2) as [Local, Local];
    const [k, row] = locals.locals("i32", 2) as [Local, Local];
    const isShuffled = (r: number): boolean => !wide && r < rows - rows % 4;
    const factor = (at: number, r: number): Code =>
      isShuffled(r)
        ? v128.shuffle(rowValues.get, rowValues.get, [r % 4, r % 4, r % 4, r % 4])
        : v128.loadSplat(a.get, 4 * (at * rows + r));
    const step = (at: number): Code =>
      block(
        ...columnValues.map((v, i) => v.set(v128.load(b.get, 4 * columns * at + 16 * i))),
        ...sums.map((line, r) =>
          block(
            isShuffled(r) && r % 4 === 0 ? rowValues.set(v128.load(a.get, 4 * (at * rows + r))) : [],
            value.set(factor(at, r)),
            ...line.map((sum, i) => sum.set(madd(value.get, columnValues[i]!.get, sum.get))),
          )
        ),
      );
    const advance = (steps: number): Code =>
      block(
        a.set(i32.add(a.get, i32.const(4 * rows * steps))),
        b.set(i32.add(b.get, i32.const(4 * columns * steps))),
      );
    const eachRow = (body: (sum: Local, offset: number) => Code): Code =>
      block(
        row.set(c.get),
        ...sums.map((line) =>
          block(...line.map((sum, i) => body(sum, 16 * i)), row.set(i32.add(row.get, pitch.get)))
        ),
      );
    const fours = i32.and(count.get, i32.const(-4));
    return block(
      when(
        isFirst.get,
        block(...sums.flat().map((sum) => sum.set(v128.zero))),
        eachRow((sum, offset) => sum.set(v128.load(row.get, offset))),
      ),
      loop(k, i32.const(0), fours, 4, block(step(0), step(1), step(2), step(3), advance(4))),
      loop(k, fours, count.get, 1, block(step(0), advance(1))),
      eachRow((sum, offset) => v128.store(row.get, sum.get, offset)),
    );
  });
}

/**
 * Adds `edge(from, c, rows, columns, isFirst, pitch)`: puts the first rows and columns (in bytes) of a tile at their
 * places, or adds them.
 */
export function addEdge(module: ModuleBuilder, { columns: width }: Tile): number {
  return module.add("edge", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals, all) => {
    const [from, c, rows, columns, isFirst, pitch] = all as [Local, Local, Local, Local, Local, Local];
    const [line, at] = locals.locals("i32", 2) as [Local, Local];
    const [source, target] = [i32.add(from.get, at.get), i32.add(c.get, at.get)];
    return loop(
      line,
      i32.const(0),
      rows.get,
      1,
      block(
        loop(
          at,
          i32.const(0),
          columns.get,
          4,
          when(
            isFirst.get,
            f32.store(target, f32.load(source)),
            f32.store(target, f32.add(f32.load(target), f32.load(source))),
          ),
        ),
        from.set(i32.add(from.get, i32.const(4 * width))),
        c.set(i32.add(c.get, pitch.get)),
      ),
    );
  });
}
