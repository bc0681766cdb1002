/**
 * Group normalisation with its activation, and its gradient. A work item is one group of one sample: it is
 * read two or three times in a row, so all but the first time it comes from the cache.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../shape.ts";
import type { CpuArray } from "../kernel.ts";
import {
  after,
  type Code,
  declare,
  f32,
  f32x4,
  f64,
  func,
  type Local,
  madd,
  procedure,
  repeat,
  select,
  type Statements,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun, sumOfRun, sumOverRun } from "./runs.ts";

/** Groups of channels `[samples, groups, perGroup, voxels]`. */
export interface Groups {
  /** Groups of a sample. */
  readonly groups: number;
  /** Channels of a group. */
  readonly perGroup: number;
  /** Voxels of a channel. */
  readonly voxels: number;
  /** Elements of a group. */
  readonly count: number;
}

/** The groups of `[samples, channels, …voxels]`. */
export function groupsOf(shape: Shape, groups: number): Groups {
  const [perGroup, voxels] = [shape[1]! / groups, sizeOf(shape.slice(2))];
  return { groups, perGroup, voxels, count: perGroup * voxels };
}

/** The sum of squared distances from a mean. */
const squaredDistances = func({ address: "i32", bytes: "i32", mean: "f32" }, ({ address, bytes, mean }) => {
  const { total, distance } = declare({ total: "f64", distance: "f32x4" });
  return after(
    sumOverRun(bytes, [total], (at, { load, present }, [sum]) => [
      distance.set(load(address.add(at)).sub(f32x4.splat(mean)).where(present)),
      sum!.set(madd(distance, distance, sum!)),
    ]),
    total,
  );
});

/** `x` where a condition holds, else `slope · x`: a leaky ReLU and its gradient. */
export const leaky = (x: Local<"f32x4">, condition: Code<"i32x4">, slope: Code<"f32x4">): Code<"f32x4"> =>
  select(condition, x, x.mul(slope));

/** Sets vectors to scalars, one each. */
export const splatAll = (vectors: readonly Local<"f32x4">[], scalars: readonly Code<"f32">[]): Statements =>
  vectors.map((vector, i) => vector.set(f32x4.splat(scalars[i]!)));

/** One channel: `leaky((x − mean) · scale + shift)`. The mean goes first: no cancellation after. */
function normalizeChannel(voxels: number) {
  const scalars = { mean: "f32", scale: "f32", shift: "f32", slope: "f32" } as const;
  return procedure({ x: "i32", out: "i32", ...scalars }, ({ x, out, mean, scale, shift, slope }) => {
    const { m, a, b, s, value } = declare({ m: "f32x4", a: "f32x4", b: "f32x4", s: "f32x4", value: "f32x4" });
    return [
      splatAll([m, a, b, s], [mean, scale, shift, slope]),
      overRun(0, 4 * voxels, (at, { load, store }) => [
        value.set(madd(load(x.add(at)).sub(m), a, b)),
        store(out.add(at), leaky(value, value.gt(0), s)),
      ]),
    ];
  });
}

const normArrays = { x: "i32", gamma: "i32", beta: "i32", out: "i32", means: "i32", rstds: "i32" } as const;
/** What kernels of the forward pass take. */
export const normParameters = { ...normArrays, epsilon: "f32", slope: "f32" } as const;

/** The mean of so many floats, and the reciprocal of their standard deviation: sets both. */
export function setStatistics(
  { mean, rstd, epsilon }: Readonly<Record<"mean" | "rstd" | "epsilon", Local<"f32">>>,
  address: Local<"i32">,
  count: number,
): Statements {
  const bytes = 4 * count;
  const variance = squaredDistances({ address, bytes, mean }).div(count);
  return [
    mean.set(sumOfRun({ address, bytes }).div(count).demote()),
    rstd.set(f64.const(1).div(variance.add(epsilon.promote()).sqrt()).demote()),
  ];
}

/** An item is a group of a sample. */
export function groupNormKernel(engine: Engine, { groups, perGroup, voxels, count }: Groups) {
  const key = `groupNorm ${[perGroup, voxels, groups]}`;
  return engine.compile(
    key,
    normParameters,
    ({ x, gamma, beta, out, means, rstds, epsilon, slope }, items) => {
      const normalize = normalizeChannel(voxels);
      const { group, mean, rstd } = declare({ group: "i32", mean: "f32", rstd: "f32" });
      const bytes = 4 * count;
      return items.each((item) => [
        group.set(x.add(item.mul(bytes))),
        setStatistics({ mean, rstd, epsilon }, group, count),
        f32.store(means.add(item.mul(4)), mean),
        f32.store(rstds.add(item.mul(4)), rstd),
        repeat(perGroup, (c) => {
          const offset = item.mul(bytes).add(c.mul(4 * voxels));
          const channel = item.rem(groups).mul(4 * perGroup).add(c.mul(4));
          return normalize({
            x: x.add(offset),
            out: out.add(offset),
            mean,
            scale: f32.load(gamma.add(channel)).mul(rstd),
            shift: f32.load(beta.add(channel)),
            slope,
          });
        }),
      ]);
    },
  );
}

const channelArrays = { g: "i32", x: "i32", to: "i32" } as const;
const channelScalars = { rstd: "f32", mean: "f32", gamma: "f32", beta: "f32", slope: "f32" } as const;

/** In vectors: the normalised x (`hat`) and the gradient before the activation (`grad`) of a channel. */
export function channelGradient() {
  const v = "f32x4";
  const values = declare({ rstd: v, mean: v, gamma: v, beta: v, slope: v, hat: v, grad: v });
  const { rstd, mean, gamma, beta, slope, hat, grad } = values;
  return {
    ...values,
    constants: [rstd, mean, gamma, beta, slope],
    /** Sets `hat` and `grad`. */
    prepare: (x: Code<"f32x4">, g: Code<"f32x4">): Statements => [
      hat.set(x.sub(mean).mul(rstd)),
      grad.set(g),
      grad.set(leaky(grad, madd(hat, gamma, beta).gt(0), slope)),
    ],
  };
}

/** Writes Σ grad and Σ grad·x̂ of one channel. */
function channelSums(voxels: number) {
  return procedure({ ...channelArrays, ...channelScalars }, ({ g, x, to, ...scalars }) => {
    const { constants, prepare, hat, grad } = channelGradient();
    const { totals } = declare({ totals: ["f64", 2] });
    return [
      splatAll(constants, Object.values(scalars)),
      sumOverRun(4 * voxels, totals, (at, { load }, [sum, dot]) => [
        prepare(load(x.add(at)), load(g.add(at))), // lanes past the end have g = 0, so they add nothing
        sum!.increase(grad),
        dot!.set(madd(grad, hat, dot!)),
      ]),
      totals.map((total, i) => f64.store(to, total, 8 * i)),
    ];
  });
}

/** One channel: `dx = rstd·γ·grad − a − b·x̂`. */
function channelInputGradient(voxels: number) {
  const parameters = { ...channelArrays, ...channelScalars, a: "f32", b: "f32" } as const;
  return procedure(parameters, ({ g, x, to, a, b, ...scalars }) => {
    const { constants, prepare, hat, grad, rstd, gamma } = channelGradient();
    const { scale, av, bv } = declare({ scale: "f32x4", av: "f32x4", bv: "f32x4" });
    return [
      splatAll([...constants, av, bv], [...Object.values(scalars), a, b]),
      scale.set(rstd.mul(gamma)),
      overRun(0, 4 * voxels, (at, { load, store }) => [
        prepare(load(x.add(at)), load(g.add(at))),
        store(to.add(at), grad.mul(scale).sub(madd(hat, bv, av))),
      ]),
    ];
  });
}

function gradientKernel(engine: Engine, { groups, perGroup, voxels, count }: Groups) {
  const arrays = { g: "i32", x: "i32", gamma: "i32", beta: "i32", means: "i32", rstds: "i32" } as const;
  const parameters = { ...arrays, dx: "i32", sums: "i32", slope: "f32" } as const;
  const key = `groupNormGrad ${[perGroup, voxels, groups]}`;
  return engine.compile(key, parameters, ({ g, x, gamma, beta, means, rstds, dx, sums, slope }, items) => {
    const [writeSums, writeGradient] = [channelSums(voxels), channelInputGradient(voxels)];
    const { mean, rstd, first, second } = declare({ mean: "f32", rstd: "f32", first: "f64", second: "f64" });
    const { scale } = declare({ scale: "f64" });
    /** The gradient's mean term of a weighted sum over the group. */
    const perVoxel = (sum: Local<"f64">) => rstd.promote().mul(sum).div(count).demote();
    const channelOf = (item: Local<"i32">, c: Local<"i32">) => {
      const offset = item.mul(4 * count).add(c.mul(4 * voxels));
      const channel = item.rem(groups).mul(4 * perGroup).add(c.mul(4));
      const [weight, bias] = [f32.load(gamma.add(channel)), f32.load(beta.add(channel))];
      const shared = { g: g.add(offset), x: x.add(offset), rstd, mean, gamma: weight, beta: bias, slope };
      return { shared, weight, to: dx.add(offset), sumsAt: sums.add(item.mul(16 * perGroup)).add(c.mul(16)) };
    };
    return items.each((item) => [
      mean.set(f32.load(means.add(item.mul(4)))),
      rstd.set(f32.load(rstds.add(item.mul(4)))),
      first.set(0),
      second.set(0),
      repeat(perGroup, (c) => {
        const { shared, weight, sumsAt } = channelOf(item, c);
        return [
          writeSums({ ...shared, to: sumsAt }),
          scale.set(weight.promote()),
          first.increase(scale.mul(f64.load(sumsAt))),
          second.increase(scale.mul(f64.load(sumsAt, 8))),
        ];
      }),
      repeat(perGroup, (c) => {
        const { shared, to } = channelOf(item, c);
        return writeGradient({ ...shared, to, a: perVoxel(first), b: perVoxel(second) });
      }),
    ]);
  });
}

/** Adds the sums of all samples. An item is a channel. */
function parameterKernel(engine: Engine, channels: number) {
  const parameters = { sums: "i32", dgamma: "i32", dbeta: "i32", samples: "i32" } as const;
  const key = `groupNormGrad sums ${channels}`;
  return engine.compile(key, parameters, ({ sums, dgamma, dbeta, samples }, items) => {
    const { from, first, second } = declare({ from: "i32", first: "f64", second: "f64" });
    return items.each((item) => [
      first.set(0),
      second.set(0),
      repeat(samples, (n) => [
        from.set(sums.add(n.mul(16 * channels)).add(item.mul(16))),
        first.increase(f64.load(from)),
        second.increase(f64.load(from, 8)),
      ]),
      f32.store(dgamma.add(item.mul(4)), second.demote()),
      f32.store(dbeta.add(item.mul(4)), first.demote()),
    ]);
  });
}

/** What the gradients are computed from. */
export interface GradientInputs {
  /** Gradient of the result. */
  readonly g: CpuArray;
  /** Input of the normalisation. */
  readonly x: CpuArray;
  /** Scales of the channels. */
  readonly gamma: CpuArray;
  /** Shifts of the channels. */
  readonly beta: CpuArray;
  /** Mean of each group. */
  readonly means: CpuArray;
  /** Reciprocal of each group's standard deviation. */
  readonly rstds: CpuArray;
  /** Slope of the activation. */
  readonly slope: number;
}

/** The gradients of x, γ and β. */
export interface Gradients {
  /** Of the input. */
  readonly dx: CpuArray;
  /** Of the scales. */
  readonly dgamma: CpuArray;
  /** Of the shifts. */
  readonly dbeta: CpuArray;
}

/** Computes the gradients of groups of channels. */
export function groupNormGradients(
  engine: Engine,
  groups: Groups,
  inputs: GradientInputs,
  { dx, dgamma, dbeta }: Gradients,
): void {
  const [samples, channels] = inputs.x.shape as [number, number];
  engine.scratch({ sums: 16 * samples * channels }, ({ sums }) => {
    engine.run(gradientKernel(engine, groups), samples * groups.groups, { ...inputs, dx, sums });
    engine.run(parameterKernel(engine, channels), channels, { sums, dgamma, dbeta, samples });
  });
}
