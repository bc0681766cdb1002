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

import {
  broadcast,
  declare,
  f32x4,
  type Local,
  locals,
  loop,
  madd,
  procedure,
  type Statements,
  unroll,
} from "./emit/mod.ts";

type Vectors = readonly Local<"f32x4">[];

/** Sums in registers: so many rows of one or two vectors. */
interface Sums {
  readonly rows: readonly Vectors[];
  readonly values: Vectors;
  readonly factors: Local<"f32x4">;
  readonly factor: Local<"f32x4">;
}

function sumsOf(rows: number): Sums {
  const { values, factors, factor } = declare({ values: ["f32x4", 2], factors: "f32x4", factor: "f32x4" });
  return { rows: unroll(rows, () => locals("f32x4", 2)), values, factors, factor };
}

/** Adds the products of values and factors, one factor a row. */
const addProducts = ({ values, factors, factor }: Sums, rows: readonly Vectors[]): Statements =>
  rows.map((row, r) => [
    factor.set(broadcast(factors, r)),
    row.map((sum, i) => sum.set(madd(factor, values[i]!, sum))),
  ]);

/**
 * `m[o][i] = Σ u[c][o] · v[c][i]` for `count` vectors i, rounded up to an even number, of up to four outputs o.
 * Rows of v and m are `pitch` bytes apart, rows of u 16.
 */
export function channelProducts(
  { inputs, outputs, pitch }: Readonly<Record<"inputs" | "outputs" | "pitch", number>>,
) {
  return procedure({ v: "i32", u: "i32", m: "i32", count: "i32" }, ({ v, u, m, count }) => {
    const sums = sumsOf(outputs);
    const { from, by } = declare({ from: "i32", by: "i32" });
    const steps = (channels: number): Statements => [
      unroll(channels, (c) => [
        sums.values.map((value, i) => value.set(f32x4.load(from, c * pitch + 16 * i))),
        sums.factors.set(f32x4.load(by, 16 * c)),
        addProducts(sums, sums.rows),
      ]),
      from.increase(channels * pitch),
      by.increase(16 * channels),
    ];
    const unrolled = Math.min(16, inputs);
    return loop(0, count, 2, () => [
      from.set(v),
      by.set(u),
      sums.rows.flat().map((sum) => sum.set(0)),
      loop(0, inputs - inputs % unrolled, unrolled, () => steps(unrolled)),
      inputs % unrolled === 0 ? [] : steps(inputs % unrolled),
      sums.rows.map((row, o) => row.map((sum, i) => f32x4.store(m, sum, o * pitch + 16 * i))),
      v.increase(32),
      m.increase(32),
    ]);
  });
}

/**
 * `sums[o][i] += Σ g[t][o] · v[t][i]` for four outputs o and all vectors i. Rows of v and sums have `vectors`
 * vectors, rows of g `outputs` vectors.
 */
export function tileProducts({ vectors, outputs }: Readonly<Record<"vectors" | "outputs", number>>) {
  return procedure({ v: "i32", g: "i32", target: "i32", tiles: "i32" }, ({ v, g, target, tiles }) => {
    const sums = sumsOf(4);
    const { from, by } = declare({ from: "i32", by: "i32" });
    const unrolled = 4;
    const column = (width: 1 | 2): Statements => {
      const rows = sums.rows.map((row) => row.slice(0, width));
      const place = (o: number, i: number) => 16 * (o * vectors + i);
      const steps = (count: number): Statements => [
        unroll(count, (t) => [
          sums.values.slice(0, width).map((value, i) => value.set(f32x4.load(from, place(t, i)))),
          sums.factors.set(f32x4.load(by, 16 * t * outputs)),
          addProducts(sums, rows),
        ]),
        from.increase(16 * count * vectors),
        by.increase(16 * count * outputs),
      ];
      return [
        rows.map((row, o) => row.map((sum, i) => sum.set(f32x4.load(target, place(o, i))))),
        from.set(v),
        by.set(g),
        loop(0, tiles.and(-unrolled), unrolled, () => steps(unrolled)),
        loop(0, tiles.and(unrolled - 1), 1, () => steps(1)),
        rows.map((row, o) => row.map((sum, i) => f32x4.store(target, sum, place(o, i)))),
      ];
    };
    return [
      loop(0, vectors - vectors % 2, 2, () => [column(2), v.increase(32), target.increase(32)]),
      vectors % 2 === 1 ? column(1) : [],
    ];
  });
}
