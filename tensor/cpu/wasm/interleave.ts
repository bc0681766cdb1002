/**
 * Copies volumes into a zero-bordered working buffer in which four channels lie side by side, so that the
 * lanes of a vector are channels.
 *
 * @module
 */

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, f32, i32, loop, v128, when } from "./instructions.ts";
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

function interleaveKernel(engine: Engine, layout: InterleavedLayout): Kernel {
  const { channels, size: [D, H, W], before: [bz, by, bx], padded: [planes, rows, columns] } = layout;
  const vectors = channelVectors(channels);
  return engine.kernel(`interleave ${JSON.stringify(layout)}`, (module) => {
    /** copy(from, to): one row of so many channels. */
    const copy = (count: number) =>
      module.add(`row${count}`, ["i32", "i32"], (locals, [from, to]) => {
        const at = locals.local("i32");
        const values = locals.locals("v128", 4);
        const pairs = locals.locals("v128", 4);
        const { prepare, columns } = transpose(values.map(({ get }) => get), pairs);
        const source = (channel: number) =>
          i32.add(i32.add(from!.get, at.get), i32.const(4 * channel * D * H * W));
        const target = i32.add(to!.get, i32.shl(at.get, i32.const(2)));
        const whole = W - W % 4;
        return block(
          loop(
            at,
            i32.const(0),
            i32.const(4 * whole),
            16,
            block(
              ...values.map((value, i) => value.set(i < count ? v128.load(source(i)) : v128.zero)),
              prepare,
              ...columns.map((column, i) => v128.store(target, column, 16 * (bx + i))),
            ),
          ),
          loop(
            at,
            i32.const(4 * whole),
            i32.const(4 * W),
            4,
            block(
              ...[0, 1, 2, 3].map((i) =>
                f32.store(target, i < count ? f32.load(source(i)) : f32.const(0), 16 * bx + 4 * i)
              ),
            ),
          ),
        );
      });
    const whole = copy(Math.min(4, channels));
    const rest = channels % 4 === 0 || channels < 4 ? whole : copy(channels % 4);
    return ({ locals, begin, end, word }) => {
      const [item, vector, y, z, source, target, at] = locals.locals("i32", 7);
      const zeros = (from: number, to: number) =>
        loop(
          at!,
          i32.const(16 * from),
          i32.const(16 * to),
          16,
          v128.store(i32.add(target!.get, at!.get), v128.zero),
        );
      const fromRow = addressOf(source!.get, [i32.sub(y!.get, i32.const(by)), 4 * W]);
      return loop(
        item!,
        begin,
        end,
        1,
        block(
          // An item is a plane of four channels.
          z!.set(i32.sub(remainder(item!.get, planes), i32.const(bz))), // wraps below 0: unsigned ≥ D
          vector!.set(quotient(item!.get, planes)),
          source!.set(addressOf(
            word(0),
            [quotient(vector!.get, vectors), 4 * channels * D * H * W],
            [remainder(vector!.get, vectors), 16 * D * H * W],
            [z!, 4 * H * W],
          )),
          target!.set(addressOf(word(1), [item!, 16 * rows * columns])),
          loop(
            y!,
            i32.const(0),
            i32.const(rows),
            1,
            block(
              when(
                i32.and(
                  i32.ltU(z!.get, i32.const(D)),
                  i32.ltU(i32.sub(y!.get, i32.const(by)), i32.const(H)),
                ),
                block(
                  zeros(0, bx),
                  when(
                    i32.ltU(remainder(vector!.get, vectors), i32.const(vectors - 1)),
                    call(whole, fromRow, target!.get),
                    call(rest, fromRow, target!.get),
                  ),
                  zeros(bx + W, columns),
                ),
                zeros(0, columns),
              ),
              target!.set(i32.add(target!.get, i32.const(16 * columns))),
            ),
          ),
        ),
      );
    };
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
  engine.launch(interleaveKernel(engine, layout), items, [from, to]);
}
