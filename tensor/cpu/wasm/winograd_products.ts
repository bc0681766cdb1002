/**
 * The middle stage of Winograd convolutions: the product of two matrices at one position of the transformed
 * domain.
 *
 * Eight sums, four by two vectors, stay in registers. One load brings the factors of four rows, and shuffles
 * spread each over the lanes: the engine checks the bounds of every load, so a load costs more than a
 * shuffle.
 *
 * @module
 */

import { block, type Code, i32, type Local, loop, madd, v128 } from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";

/** Sums in registers: so many rows of one or two vectors. */
function addSums(
  sums: readonly (readonly Local[])[],
  values: readonly Local[],
  factors: Local,
  factor: Local,
): Code {
  return block(...sums.map((row, r) =>
    block(
      factor.set(v128.shuffle(factors.get, factors.get, [r, r, r, r])),
      ...row.map((sum, i) => sum.set(madd(factor.get, values[i]!.get, sum.get))),
    )
  ));
}

/**
 * Adds `products(v, u, m, count)`: `m[o][i] = Σ u[c][o] · v[c][i]` for `count` vectors i, rounded up to an even
 * number, of up to four outputs o. Rows of v and m are `pitch` bytes apart, rows of u 16.
 */
export function addChannelProducts(
  module: ModuleBuilder,
  { inputs, outputs, pitch }: { inputs: number; outputs: number; pitch: number },
): number {
  return module.add(`products${outputs}`, ["i32", "i32", "i32", "i32"], (locals, [v, u, m, count]) => {
    const sums = Array.from({ length: outputs }, () => locals.locals("v128", 2));
    const values = locals.locals("v128", 2);
    const [factors, factor] = locals.locals("v128", 2) as [Local, Local];
    const [pair, from, by, channel] = locals.locals("i32", 4) as [Local, Local, Local, Local];
    const steps = (channels: number): Code =>
      block(
        ...Array.from({ length: channels }, (_, c) =>
          block(
            ...values.map((value, i) => value.set(v128.load(from.get, c * pitch + 16 * i))),
            factors.set(v128.load(by.get, 16 * c)),
            addSums(sums, values, factors, factor),
          )),
        from.set(i32.add(from.get, i32.const(channels * pitch))),
        by.set(i32.add(by.get, i32.const(16 * channels))),
      );
    const unroll = Math.min(16, inputs);
    return loop(
      pair,
      i32.const(0),
      count!.get,
      2,
      block(
        from.set(v!.get),
        by.set(u!.get),
        ...sums.flat().map((sum) => sum.set(v128.zero)),
        loop(channel, i32.const(unroll - 1), i32.const(inputs), unroll, steps(unroll)),
        steps(inputs % unroll),
        ...sums.map((row, o) =>
          block(...row.map((sum, i) => v128.store(m!.get, sum.get, o * pitch + 16 * i)))
        ),
        v!.set(i32.add(v!.get, i32.const(32))),
        m!.set(i32.add(m!.get, i32.const(32))),
      ),
    );
  });
}

/**
 * Adds `products(v, g, sums, tiles)`: `sums[o][i] += Σ g[t][o] · v[t][i]` for four outputs o and all vectors i.
 * Rows of v and sums have `vectors` vectors, rows of g `outputs` vectors.
 */
export function addTileProducts(
  module: ModuleBuilder,
  { vectors, outputs }: { vectors: number; outputs: number },
): number {
  return module.add("products", ["i32", "i32", "i32", "i32"], (locals, [v, g, target, tiles]) => {
    const sums = Array.from({ length: 4 }, () => locals.locals("v128", 2));
    const values = locals.locals("v128", 2);
    const [factors, factor] = locals.locals("v128", 2) as [Local, Local];
    const [pair, from, by, tile] = locals.locals("i32", 4) as [Local, Local, Local, Local];
    const unroll = 4;
    const all = (width: 1 | 2): Code => {
      const rows = sums.map((row) => row.slice(0, width));
      const place = (o: number, i: number) => 16 * (o * vectors + i);
      const steps = (count: number): Code =>
        block(
          ...Array.from({ length: count }, (_, t) =>
            block(
              ...values.slice(0, width).map((value, i) =>
                value.set(v128.load(from.get, 16 * (t * vectors + i)))
              ),
              factors.set(v128.load(by.get, 16 * t * outputs)),
              addSums(rows, values, factors, factor),
            )),
          from.set(i32.add(from.get, i32.const(16 * count * vectors))),
          by.set(i32.add(by.get, i32.const(16 * count * outputs))),
        );
      return block(
        ...rows.flatMap((row, o) => row.map((sum, i) => sum.set(v128.load(target!.get, place(o, i))))),
        from.set(v!.get),
        by.set(g!.get),
        loop(tile, i32.const(unroll - 1), tiles!.get, unroll, steps(unroll)),
        loop(tile, i32.const(0), i32.and(tiles!.get, i32.const(unroll - 1)), 1, steps(1)),
        ...rows.flatMap((row, o) => row.map((sum, i) => v128.store(target!.get, sum.get, place(o, i)))),
      );
    };
    return block(
      loop(
        pair,
        i32.const(1),
        i32.const(vectors),
        2,
        block(
          all(2),
          v!.set(i32.add(v!.get, i32.const(32))),
          target!.set(i32.add(target!.get, i32.const(32))),
        ),
      ),
      vectors % 2 === 1 ? all(1) : [],
    );
  });
}
