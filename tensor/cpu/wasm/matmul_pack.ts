/**
 * Brings the factors of a matrix product into the order in which the micro-kernel reads them: strips of a few
 * rows of a, and of a few columns of b, with what is multiplied at the same time side by side.
 *
 * @module
 */

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, i32, type Local, loop, v128, when } from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";
import { transpose } from "./transpose.ts";

/** A matrix to cut into strips `[strip][inner][width]`, zeros beyond its last lane. */
export interface Strips {
  /** Lanes of a strip. */
  readonly width: number;
  /** Lanes of the matrix: rows of a, columns of b. */
  readonly lanes: number;
  /** Length of the inner axis. */
  readonly inner: number;
  /** Whether the matrix is stored with the inner axis last. */
  readonly isInnerLast: boolean;
}

/** Strips of a matrix. */
export function stripsOf({ lanes, width }: Strips): number {
  return Math.ceil(lanes / width);
}

/** Bytes of a strip. */
export function stripBytes({ inner, width }: Strips): number {
  return 4 * inner * width;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Lanes are neighbours in memory: whole vectors are copied, single ones where fewer are left. */
function copyLanes(from: Local, to: Local, { width }: Strips, present: number): Code {
  const parts: Code[] = [];
  for (let lane = 0; lane < width;) {
    const isVector = lane + 4 <= Math.min(width, present);
    const at = 4 * lane;
    if (isVector) parts.push(v128.store(to.get, v128.load(from.get, at), at));
    else parts.push(f32.store(to.get, lane < present ? f32.load(from.get, at) : f32.const(0), at));
    lane += isVector ? 4 : 1;
  }
  return block(...parts);
}

/** Adds `pack(from, to)` for a strip of which `present` lanes exist. */
function addPack(module: ModuleBuilder, name: string, strips: Strips, present: number): number {
  const { width, lanes, inner, isInnerLast } = strips;
  return module.add(`${name}${present}`, ["i32", "i32"], (locals, [from, to]) => {
    const k = locals.local("i32");
    const advance = (steps: number): Code =>
      block(
        from!.set(i32.add(from!.get, i32.const(4 * steps * (isInnerLast ? 1 : lanes)))),
        to!.set(i32.add(to!.get, i32.const(4 * steps * width))),
      );
    if (!isInnerLast) {
      const line = block(copyLanes(from!, to!, strips, present), advance(1));
      return loop(k, i32.const(0), i32.const(inner), 1, line);
    }
    const rows = locals.locals("v128", 4);
    const pairs = locals.locals("v128", 4);
    const place = (lane: number): number => 4 * lane * inner;
    /** Four steps of the inner axis of four lanes, or of one. */
    const square = (first: number): Code => {
      const { prepare, columns } = transpose(rows.map(({ get }) => get), pairs);
      const load = (lane: number): Code => lane < present ? v128.load(from!.get, place(lane)) : v128.zero;
      return block(
        ...rows.map((row, i) => row.set(load(first + i))),
        prepare,
        ...columns.map((column, step) => v128.store(to!.get, column, 4 * (step * width + first))),
      );
    };
    const single = (lane: number, step: number): Code =>
      f32.store(
        to!.get,
        lane < present ? f32.load(from!.get, place(lane) + 4 * step) : f32.const(0),
        4 * (step * width + lane),
      );
    const squares = upTo(Math.floor(width / 4)).map((i) => square(4 * i));
    const rest = upTo(width % 4).flatMap((i) => upTo(4).map((step) => single(width - width % 4 + i, step)));
    const whole = inner - inner % 4;
    return block(
      loop(k, i32.const(0), i32.const(whole), 4, block(...squares, ...rest, advance(4))),
      loop(
        k,
        i32.const(whole),
        i32.const(inner),
        1,
        block(...upTo(width).map((lane) => single(lane, 0)), advance(1)),
      ),
    );
  });
}

/** Adds `strip(matrices, item, to)`: packs one of all strips of several matrices. */
function addStrip(module: ModuleBuilder, name: string, strips: Strips): number {
  const { width, lanes, inner, isInnerLast } = strips;
  const count = stripsOf(strips);
  const last = lanes - (count - 1) * width;
  const whole = addPack(module, name, strips, width);
  const partial = last === width ? whole : addPack(module, name, strips, last);
  return module.add(`${name} strip`, ["i32", "i32", "i32"], (_, [from, item, to]) => {
    const source = addressOf(
      from!.get,
      [quotient(item!.get, count), 4 * lanes * inner],
      [remainder(item!.get, count), 4 * width * (isInnerLast ? inner : 1)],
    );
    const target = addressOf(to!.get, [item!, stripBytes(strips)]);
    return when(
      i32.eq(remainder(item!.get, count), i32.const(count - 1)),
      call(partial, source, target),
      call(whole, source, target),
    );
  });
}

/** Packs both factors. Items are strips: first those of all matrices of a, as many as the first word says. */
export function packKernel(engine: Engine, a: Strips, b: Strips): Kernel {
  return engine.kernel(`matmul pack ${JSON.stringify([a, b])}`, (module) => {
    const [packA, packB] = [addStrip(module, "a", a), addStrip(module, "b", b)];
    return ({ locals, begin, end, word }) => {
      const item = locals.local("i32");
      const first = word(0);
      return loop(
        item,
        begin,
        end,
        1,
        when(
          i32.ltU(item.get, first),
          call(packA, word(1), item.get, word(3)),
          call(packB, word(2), i32.sub(item.get, first), word(4)),
        ),
      );
    };
  });
}
