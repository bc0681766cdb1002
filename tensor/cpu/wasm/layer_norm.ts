/**
 * Normalisation of rows `[samples, channels]`, as in transformers: the lanes of a vector are channels.
 *
 * @module
 */

import {
  declare,
  f32,
  f32x4,
  least,
  type Local,
  loop,
  madd,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import {
  channelGradient,
  type GradientInputs,
  type Gradients,
  leaky,
  normParameters,
  setStatistics,
  splatAll,
} from "./group_norm.ts";
import { type Access, overRun, piece, sumOverRun } from "./runs.ts";

/** An item is a row. Most rows have no activation: its slope is 1. */
export function layerNormKernel(engine: Engine, channels: number, hasActivation: boolean) {
  const bytes = 4 * channels;
  return engine.compile(`layerNorm ${channels} ${hasActivation}`, normParameters, (all, { each }) => {
    const { row, to, mean, rstd } = declare({ row: "i32", to: "i32", mean: "f32", rstd: "f32" });
    const { m, r, s, value } = declare({ m: "f32x4", r: "f32x4", s: "f32x4", value: "f32x4" });
    return each((item) => [
      row.set(all.x.add(item.mul(bytes))),
      to.set(all.out.add(item.mul(bytes))),
      setStatistics({ mean, rstd, epsilon: all.epsilon }, row, channels),
      f32.store(all.means.add(item.mul(4)), mean),
      f32.store(all.rstds.add(item.mul(4)), rstd),
      splatAll([m, r, s], [mean, rstd, all.slope]),
      overRun(
        0,
        bytes,
        (at, { load, store }) => {
          const [scale, shift] = [load(all.gamma.add(at)).mul(r), load(all.beta.add(at))];
          return [
            value.set(madd(load(row.add(at)).sub(m), scale, shift)),
            store(to.add(at), hasActivation ? leaky(value, value.gt(0), s) : value),
          ];
        },
        4,
        engine.wide,
      ),
    ]);
  });
}

const arrays = { g: "i32", x: "i32", gamma: "i32", beta: "i32", means: "i32", rstds: "i32" } as const;

/** `dx = rstd (γ·grad − (Σ γ·grad + x̂ Σ γ·grad·x̂) / count)`. An item is a row. */
function inputKernel(engine: Engine, channels: number) {
  const bytes = 4 * channels;
  const parameters = { ...arrays, slope: "f32", dx: "i32" } as const;
  return engine.compile(`layerNormGrad ${channels}`, parameters, (all, { each }) => {
    const { gRow, xRow, totals } = declare({ gRow: "i32", xRow: "i32", totals: ["f64", 2] });
    const { a, b } = declare({ a: "f32x4", b: "f32x4" });
    const { gamma, beta, mean, rstd, slope, hat, grad, prepare } = channelGradient();
    const find = (at: Local<"i32">, { load }: Pick<Access, "load">): Statements => [
      gamma.set(load(all.gamma.add(at))),
      beta.set(load(all.beta.add(at))),
      prepare(load(xRow.add(at)), load(gRow.add(at))),
      grad.set(grad.mul(gamma)),
    ];
    const perChannel = (sum: Local<"f64">) => f32x4.splat(sum.div(channels).demote());
    return each((item) => [
      gRow.set(all.g.add(item.mul(bytes))),
      xRow.set(all.x.add(item.mul(bytes))),
      splatAll([mean, rstd, slope], [
        f32.load(all.means.add(item.mul(4))),
        f32.load(all.rstds.add(item.mul(4))),
        all.slope,
      ]),
      totals.map((total) => total.set(0)),
      sumOverRun(bytes, totals, (at, access, [sum, dot]) => [
        find(at, access), // lanes past the end have g = 0, so they add nothing
        sum!.increase(grad),
        dot!.set(madd(grad, hat, dot!)),
      ]),
      a.set(perChannel(totals[0]!)),
      b.set(perChannel(totals[1]!)),
      overRun(0, bytes, (at, access) => [
        find(at, access),
        access.store(all.dx.add(item.mul(bytes)).add(at), grad.sub(madd(hat, b, a)).mul(rstd)),
      ]),
    ]);
  });
}

/** Bytes of channels of a work item: a cache line. */
const itemBytes = 64;
/** Rows added before their sum goes into the sum of all, which keeps rounding small. */
const shortRun = 64;

type ChannelArrays = Readonly<Record<keyof typeof arrays | "dgamma" | "dbeta" | "samples", Local<"i32">>>;

/** Gathers γ and β's gradients of some vectors of channels over all rows. */
function gatherRows(
  all: ChannelArrays,
  { gamma, beta, mean, rstd, hat, grad, prepare }: ReturnType<typeof channelGradient>,
  rowBytes: number,
) {
  return (at: Local<"i32">, vectors: number, { load, store }: Pick<Access, "load" | "store">): Statements => {
    const { sums, totals } = declare({ sums: ["f32x4", 2 * vectors], totals: ["f32x4", 2 * vectors] });
    const addRow = (n: Local<"i32">): Statements => [
      splatAll([mean, rstd], [all.means, all.rstds].map((array) => f32.load(array.add(n.mul(4))))),
      unroll(vectors, (i) => {
        const [scales, shifts] = [sums[2 * i]!, sums[2 * i + 1]!];
        const place = n.mul(rowBytes).add(at);
        return [
          gamma.set(load(all.gamma.add(at), 16 * i)),
          beta.set(load(all.beta.add(at), 16 * i)),
          prepare(load(all.x.add(place), 16 * i), load(all.g.add(place), 16 * i)),
          scales.set(madd(grad, hat, scales)),
          shifts.increase(grad),
        ];
      }),
    ];
    return [
      totals.map((total) => total.set(0)),
      loop(0, all.samples, shortRun, (piece) => [
        sums.map((sum) => sum.set(0)),
        loop(piece, least(piece.add(shortRun), all.samples), 1, addRow),
        totals.map((total, i) => total.increase(sums[i]!)),
      ]),
      unroll(vectors, (i) => [
        store(all.dgamma.add(at), totals[2 * i]!, 16 * i),
        store(all.dbeta.add(at), totals[2 * i + 1]!, 16 * i),
      ]),
    ];
  };
}

/** The gradients of γ and β. An item is a run of channels. */
function parameterKernel(engine: Engine, channels: number) {
  const bytes = 4 * channels;
  const parameters = { ...arrays, slope: "f32", dgamma: "i32", dbeta: "i32", samples: "i32" } as const;
  return engine.compile(`layerNormGrad sums ${channels}`, parameters, ({ slope, ...all }, { each }) => {
    const values = channelGradient();
    const gather = gatherRows(all, values, bytes);
    return [
      values.slope.set(f32x4.splat(slope)),
      each((item) =>
        piece(item, { bytes: itemBytes, total: bytes }, (from, to) =>
          when(
            to.sub(from).eq(itemBytes),
            gather(from, itemBytes / 16, f32x4),
            overRun(from, to, (at, access) => gather(at, 1, access)),
          ))
      ),
    ];
  });
}

/** Computes the gradients of rows. */
export function layerNormGradients(
  engine: Engine,
  inputs: GradientInputs,
  { dx, dgamma, dbeta }: Gradients,
): void {
  const [samples, channels] = inputs.x.shape as [number, number];
  engine.run(inputKernel(engine, channels), samples, { ...inputs, dx });
  const items = Math.ceil(4 * channels / itemBytes);
  engine.run(parameterKernel(engine, channels), items, { ...inputs, dgamma, dbeta, samples });
}
