/**
 * Copies volumes into a zero-bordered working buffer in the blocked layout that libraries call nChw4c: four
 * channels lie side by side, so that the lanes of a vector are channels.
 *
 * @module
 */

import { declare, f32, f32x4, loop, procedure, repeat, unroll, when } from "./emit/mod.ts";
import type { Work } from "./joint_launch.ts";
import { transpose } from "./transpose.ts";

type Size = readonly [number, number, number];

/** How volumes `[channel,D,H,W]` lie in their buffer `[channel / 4, plane, row, column, 4]`. */
export interface BlockedLayout {
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
export function blockedBytes({ padded: [planes, rows, columns] }: BlockedLayout): number {
  return 16 * planes * rows * columns;
}

/** Copies one row of so many channels. */
function rowCopy({ size: [D, H, W], before: [, , bx] }: BlockedLayout, channels: number) {
  const whole = W - W % 4;
  const distance = (channel: number) => 4 * channel * D * H * W;
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const { rows } = declare({ rows: ["f32x4", 4] });
    const { prepare, columns } = transpose(rows);
    return [
      loop(0, 4 * whole, 16, (at) => [
        rows.map((row, i) => row.set(i < channels ? f32x4.load(from.add(at), distance(i)) : 0)),
        prepare,
        columns.map((column, i) => f32x4.store(to.add(at.mul(4)), column, 16 * (bx + i))),
      ]),
      loop(4 * whole, 4 * W, 4, (at) =>
        unroll(4, (i) => {
          const value = i < channels ? f32.load(from.add(at), distance(i)) : 0;
          return f32.store(to.add(at.mul(4)), value, 16 * bx + 4 * i);
        })),
    ];
  });
}

/** The code of an item: a plane of four channels. */
function blockPlane(layout: BlockedLayout): Work["code"] {
  const { channels, size: [D, H, W], before: [bz, by, bx], padded: [planes, rows, columns] } = layout;
  const vectors = channelVectors(channels);
  return ({ from, to }) => {
    const copyFour = rowCopy(layout, Math.min(4, channels));
    const copyRest = channels % 4 === 0 || channels < 4 ? copyFour : rowCopy(layout, channels % 4);
    const { vector, z, source, target } = declare({ vector: "i32", z: "i32", source: "i32", target: "i32" });
    const clear = (first: number, last: number) =>
      loop(16 * first, 16 * last, 16, (at) => f32x4.store(target.add(at), 0));
    return (item) => [
      z.set(item.rem(planes).sub(bz)), // wraps below 0: unsigned ≥ D
      vector.set(item.div(planes)),
      source.set(
        from.add(vector.div(vectors).mul(4 * channels * D * H * W))
          .add(vector.rem(vectors).mul(16 * D * H * W)).add(z.mul(4 * H * W)),
      ),
      target.set(to.add(item.mul(16 * rows * columns))),
      repeat(rows, (row) => {
        const y = row.sub(by);
        const places = { from: source.add(y.mul(4 * W)), to: target };
        return [
          when(z.lt(D).and(y.lt(H)), [
            clear(0, bx),
            when(vector.rem(vectors).lt(vectors - 1), copyFour(places), copyRest(places)),
            clear(bx + W, columns),
          ], clear(0, columns)),
          target.increase(16 * columns),
        ];
      }),
    ];
  };
}

/** Copies so many times `channels` volumes from one address to their buffer at another. */
export function blockChannels(layout: BlockedLayout, count: number, from: number, to: number): Work {
  const items = count * channelVectors(layout.channels) * layout.padded[0];
  return { key: `block channels ${JSON.stringify(layout)}`, items, from, to, code: blockPlane(layout) };
}
