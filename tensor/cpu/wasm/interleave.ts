/**
 * Copies volumes into a zero-bordered working buffer in which four channels lie side by side, so that the
 * lanes of a vector are channels.
 *
 * @module
 */

import {
  type Code,
  declare,
  f32,
  f32x4,
  type Local,
  locals,
  loop,
  procedure,
  repeat,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { transpose } from "./transpose.ts";

type Size = readonly [number, number, number];

/** How volumes `[channel,D,H,W]` lie in their buffer `[channel / 4, plane, row, column, 4]`. */
export interface InterleavedLayout {
  /** Channels of the source that belong together; the last four are filled up with zeros. */
  readonly channels: number;
  /** Sizes of the source. */
  readonly size: Size;
  /** Zeros before the first voxel. */
  readonly before: Size;
  /** Planes, rows and columns of the buffer: no less than zeros and source together. */
  readonly padded: Size;
}

/** Vectors of four channels. */
export function channelVectors(channels: number): number {
  return Math.ceil(channels / 4);
}

/** Bytes of four channels. */
export function interleavedBytes({ padded: [planes, rows, columns] }: InterleavedLayout): number {
  return 16 * planes * rows * columns;
}

/** Copies one row of so many channels to where its four lie side by side. */
function interleaveRow({ size: [D, H, W], before: [, , bx] }: InterleavedLayout, count: number) {
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const rows = locals("f32x4", 4);
    const { prepare, columns } = transpose(rows);
    const source = (channel: number, at: Local<"i32">): Code<"i32"> =>
      from.add(at).add(4 * channel * D * H * W);
    const whole = W - W % 4;
    return [
      loop(0, 4 * whole, 16, (at) => [
        rows.map((row, i) => row.set(i < count ? f32x4.load(source(i, at)) : 0)),
        prepare,
        columns.map((column, i) => f32x4.store(to.add(at.mul(4)), column, 16 * (bx + i))),
      ]),
      loop(
        4 * whole,
        4 * W,
        4,
        (at) =>
          unroll(
            4,
            (i) => f32.store(to.add(at.mul(4)), i < count ? f32.load(source(i, at)) : 0, 16 * bx + 4 * i),
          ),
      ),
    ];
  });
}

/** Zeros from column to column of a row. */
const zeroColumns = (row: Local<"i32">, from: number, to: number): Statements =>
  loop(16 * from, 16 * to, 16, (at) => f32x4.store(row.add(at), 0));

function interleaveKernel(engine: Engine, layout: InterleavedLayout) {
  const { channels, size: [D, H, W], before: [bz, by, bx], padded: [planes, rows, columns] } = layout;
  const vectors = channelVectors(channels);
  const key = `interleave ${JSON.stringify(layout)}`;
  return engine.compile(key, { from: "i32", to: "i32" }, ({ from, to }, { each }) => {
    const whole = interleaveRow(layout, Math.min(4, channels));
    const rest = interleaveRow(layout, channels % 4 || 4);
    const { z, vector, source, target } = declare({ z: "i32", vector: "i32", source: "i32", target: "i32" });
    // An item is a plane of four channels. Before the first plane and row, z and y wrap: unsigned, they are large.
    return each((item) => [
      z.set(item.rem(planes).sub(bz)),
      vector.set(item.div(planes)),
      source.set(
        from.add(vector.div(vectors).mul(4 * channels * D * H * W))
          .add(vector.rem(vectors).mul(16 * D * H * W))
          .add(z.mul(4 * H * W)),
      ),
      target.set(to.add(item.mul(16 * rows * columns))),
      repeat(rows, (row) => {
        const y = row.sub(by);
        const place = { from: source.add(y.mul(4 * W)), to: target };
        const copy = channels % 4 === 0 || channels < 4
          ? whole(place)
          : when(vector.rem(vectors).lt(vectors - 1), whole(place), rest(place));
        return [
          when(
            z.lt(D).and(y.lt(H)),
            [zeroColumns(target, 0, bx), copy, zeroColumns(target, bx + W, columns)],
            zeroColumns(target, 0, columns),
          ),
          target.increase(16 * columns),
        ];
      }),
    ]);
  });
}

/** Copies so many times `channels` volumes from one address to their buffer at another. */
export function interleave(
  engine: Engine,
  layout: InterleavedLayout,
  count: number,
  from: number,
  to: number,
): void {
  const items = count * channelVectors(layout.channels) * layout.padded[0];
  engine.run(interleaveKernel(engine, layout), items, { from, to });
}
