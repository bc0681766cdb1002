/**
 * Brings the factors of a matrix product into the order in which the micro-kernel reads them: strips of a few
 * rows of a, and of a few columns of b, with what is multiplied at the same time side by side.
 *
 * @module
 */

import {
  f32,
  f32x4,
  type Local,
  locals,
  loop,
  type Operand,
  procedure,
  repeat,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether, type Work } from "./joint_launch.ts";
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

type Place = Local<"i32">;

/** Lanes that are neighbours in memory: whole vectors are copied, single ones where fewer are left. */
function copyLanes(from: Place, to: Place, width: number, present: number): Statements {
  const parts: Statements[] = [];
  for (let lane = 0; lane < width;) {
    const isVector = lane + 4 <= Math.min(width, present);
    const at = 4 * lane;
    if (isVector) parts.push(f32x4.store(to, f32x4.load(from, at), at));
    else parts.push(f32.store(to, lane < present ? f32.load(from, at) : 0, at));
    lane += isVector ? 4 : 1;
  }
  return parts;
}

/** Four steps of the inner axis of four lanes that are `pitch` bytes apart. */
function copySquare(
  from: Place,
  to: Place,
  [first, present, width]: readonly number[],
  pitch: number,
): Statements {
  const rows = locals("f32x4", 4);
  const { prepare, columns } = transpose(rows);
  const load = (lane: number): Operand<"f32x4"> => lane < present! ? f32x4.load(from, lane * pitch) : 0;
  return [
    rows.map((row, i) => row.set(load(first! + i))),
    prepare,
    columns.map((column, step) => f32x4.store(to, column, 4 * (step * width! + first!))),
  ];
}

/** Packs a strip `from` a matrix, of which `present` lanes exist. */
export function packStrip({ width, lanes, inner, isInnerLast }: Strips, present: number) {
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const advance = (steps: number): Statements => [
      from.increase(4 * steps * (isInnerLast ? 1 : lanes)),
      to.increase(4 * steps * width),
    ];
    if (!isInnerLast) return repeat(inner, () => [copyLanes(from, to, width, present), advance(1)]);
    const pitch = 4 * inner;
    const single = (lane: number, step: number): Statements =>
      f32.store(to, lane < present ? f32.load(from, lane * pitch + 4 * step) : 0, 4 * (step * width + lane));
    const inSquares = width - width % 4;
    const whole = inner - inner % 4;
    return [
      loop(0, whole, 4, () => [
        unroll(inSquares / 4, (i) => copySquare(from, to, [4 * i, present, width], pitch)),
        unroll(width % 4, (i) => unroll(4, (step) => single(inSquares + i, step))),
        advance(4),
      ]),
      loop(whole, inner, 1, () => [unroll(width, (lane) => single(lane, 0)), advance(1)]),
    ];
  });
}

/** The code of an item: a strip of one of several matrices that are one after the other. */
function packOneOf(strips: Strips): Work["code"] {
  const { width, lanes, inner, isInnerLast } = strips;
  const count = stripsOf(strips);
  const last = lanes - (count - 1) * width;
  return ({ from, to }) => {
    const [whole, partial] = [packStrip(strips, width), packStrip(strips, last)];
    return (item) => {
      const place = {
        from: from.add(item.div(count).mul(4 * lanes * inner))
          .add(item.rem(count).mul(4 * width * (isInnerLast ? inner : 1))),
        to: to.add(item.mul(stripBytes(strips))),
      };
      return last === width
        ? whole(place)
        : when(item.rem(count).eq(count - 1), partial(place), whole(place));
    };
  };
}

/** Matrices one after the other at an address, to be packed to another. */
export interface Packing {
  /** How each is cut. */
  readonly strips: Strips;
  /** How many there are. */
  readonly matrices: number;
  /** Where they are. */
  readonly from: number;
}

/** Bytes of the packed matrices. */
export function packedBytes({ strips, matrices }: Packing): number {
  return matrices * stripsOf(strips) * stripBytes(strips);
}

/** Packs matrices one after the other to an address; returns where each kind begins. */
export function pack(engine: Engine, packings: readonly Packing[], to: number): number[] {
  const starts: number[] = [];
  let place = to;
  for (const packing of packings) {
    starts.push(place);
    place += packedBytes(packing);
  }
  runTogether(
    engine,
    packings.map(({ strips, matrices, from }, i) => ({
      key: `pack ${JSON.stringify(strips)}`,
      items: matrices * stripsOf(strips),
      from,
      to: starts[i]!,
      code: packOneOf(strips),
    })),
  );
  return starts;
}
