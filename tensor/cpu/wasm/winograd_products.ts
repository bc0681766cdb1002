/**
 * The middle stage of Winograd convolutions: the product of two matrices at one position of the transformed
 * domain.
 *
 * Eight sums, four by two vectors, stay in registers. One load brings four factors, and shuffles spread each over
 * the lanes: the engine checks the bounds of every load, so a load costs more than a shuffle.
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
  when,
} from "./emit/mod.ts";

type Vectors = readonly Local<"f32x4">[];

/** Sums in registers: so many rows of one or two vectors. */
interface Sums {
  readonly rows: readonly Vectors[];
  readonly values: Vectors;
  readonly factor: Local<"f32x4">;
}

function sumsOf(rows: number, width: number): Sums {
  const { values, factor } = declare({ values: ["f32x4", width], factor: "f32x4" });
  return { rows: unroll(rows, () => locals("f32x4", width)), values, factor };
}

/** Adds the products of values and factors: of each row one lane of a vector. */
const addProducts = (
  { rows, values, factor }: Sums,
  factorOf: (row: number) => readonly [Local<"f32x4">, lane: number],
): Statements =>
  rows.map((row, r) => [
    factor.set(broadcast(...factorOf(r))),
    row.map((sum, i) => sum.set(madd(factor, values[i]!, sum))),
  ]);

/**
 * `m[t][o] = Σ v[t][c] · u[c][o]` for tiles t, their number rounded up to a multiple of four, and one or two
 * vectors of outputs o. Rows of v have a vector for four inputs, rows of u and m `vectors` vectors.
 */
export function channelProducts(
  { inputs, vectors }: Readonly<Record<"inputs" | "vectors", number>>,
  width: 1 | 2,
) {
  return procedure({ v: "i32", u: "i32", m: "i32", tiles: "i32" }, ({ v, u, m, tiles }) => {
    const sums = sumsOf(4, width);
    const { factors, from, by } = declare({ factors: ["f32x4", 4], from: "i32", by: "i32" });
    const perTile = 16 * Math.ceil(inputs / 4);
    const step = (vector: number, lanes: number): Statements => [
      factors.map((factor, t) => factor.set(f32x4.load(from, t * perTile + 16 * vector))),
      unroll(lanes, (lane) => [
        sums.values.map((value, i) => value.set(f32x4.load(by, 16 * ((4 * vector + lane) * vectors + i)))),
        addProducts(sums, (t) => [factors[t]!, lane]),
      ]),
    ];
    const run = (channels: number): Statements => [
      unroll(Math.ceil(channels / 4), (vector) => step(vector, Math.min(4, channels - 4 * vector))),
      from.increase(4 * channels),
      by.increase(16 * channels * vectors),
    ];
    const unrolled = Math.min(16, inputs);
    return loop(0, tiles, 4, () => [
      from.set(v),
      by.set(u),
      sums.rows.flat().map((sum) => sum.set(0)),
      loop(0, inputs - inputs % unrolled, unrolled, () => run(unrolled)),
      inputs % unrolled === 0 ? [] : run(inputs % unrolled),
      sums.rows.map((row, t) => row.map((sum, i) => f32x4.store(m, sum, 16 * (t * vectors + i)))),
      v.increase(4 * perTile),
      m.increase(64 * vectors),
    ]);
  });
}

/**
 * `sums[o][i] += Σ g[t][o] · v[t][i]` for four outputs o and all vectors i; the first ones start from 0. Rows of v and sums have `vectors`
 * vectors, rows of g `outputs` vectors.
 */
export function tileProducts({ vectors, outputs }: Readonly<Record<"vectors" | "outputs", number>>) {
  const parameters = { v: "i32", g: "i32", target: "i32", tiles: "i32", isFirst: "i32" } as const;
  return procedure(parameters, ({ v, g, target, tiles, isFirst }) => {
    const { factors, from, by } = declare({ factors: "f32x4", from: "i32", by: "i32" });
    const unrolled = 4;
    const column = (width: 1 | 2): Statements => {
      const sums = sumsOf(4, width);
      const place = (o: number, i: number) => 16 * (o * vectors + i);
      const steps = (count: number): Statements => [
        unroll(count, (t) => [
          sums.values.map((value, i) => value.set(f32x4.load(from, place(t, i)))),
          factors.set(f32x4.load(by, 16 * t * outputs)),
          addProducts(sums, (row) => [factors, row]),
        ]),
        from.increase(16 * count * vectors),
        by.increase(16 * count * outputs),
      ];
      return [
        when(
          isFirst,
          sums.rows.flat().map((sum) => sum.set(0)),
          sums.rows.map((row, o) => row.map((sum, i) => sum.set(f32x4.load(target, place(o, i))))),
        ),
        from.set(v),
        by.set(g),
        loop(0, tiles.and(-unrolled), unrolled, () => steps(unrolled)),
        loop(0, tiles.and(unrolled - 1), 1, () => steps(1)),
        sums.rows.map((row, o) => row.map((sum, i) => f32x4.store(target, sum, place(o, i)))),
      ];
    };
    return [
      loop(0, vectors - vectors % 2, 2, () => [column(2), v.increase(32), target.increase(32)]),
      vectors % 2 === 1 ? column(1) : [],
    ];
  });
}
