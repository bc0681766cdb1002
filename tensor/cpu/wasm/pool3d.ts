/**
 * Max and average pooling and their gradients. Windows of two with step two, what networks use, take four
 * outputs at once; other windows go voxel by voxel.
 *
 * @module
 */

import type { PoolAttributes } from "../../ops/pool3d.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  i32,
  i32x4,
  type Local,
  loop,
  repeat,
  select,
  shuffle,
  type Statements,
  when,
} from "./emit/mod.ts";
import type { Engine, Items } from "./engine.ts";
import { overRun } from "./runs.ts";

type Size = readonly [number, number, number];
const spatial = (shape: Shape): Size => [shape[2]!, shape[3]!, shape[4]!];

/** A pooling of one channel. */
interface Pooling extends PoolAttributes {
  readonly size: Size;
  readonly output: Size;
}

const keyOf = (name: string, { size, kernel, stride }: Pooling): string =>
  `${name} ${[...size, ...kernel, ...stride]}`;

/** Positions of a window's voxels relative to its first, in row-major order. */
function windowPlaces([kd, kh, kw]: Triple, [, H, W]: Size): number[] {
  const places: number[] = [];
  for (let d = 0; d < kd; d++) {
    for (let h = 0; h < kh; h++) for (let w = 0; w < kw; w++) places.push((d * H + h) * W + w);
  }
  return places;
}

/**
 * Runs a body for the output rows of planes: an item is a plane of one channel. `channel` is the address of the
 * channel's voxels, `first` the position in it of the row's first window, `to` the offset of its first output.
 */
function overRows(
  { each }: Items,
  x: Local<"i32">,
  { size: [D, H, W], output: [oD, oH, oW], stride: [planeStep, rowStep] }: Pooling,
  body: (channel: Local<"i32">, first: Local<"i32">, to: Local<"i32">) => Statements,
): Statements {
  const { channel, first, to } = declare({ channel: "i32", first: "i32", to: "i32" });
  return each((plane) => [
    channel.set(x.add(plane.div(oD).mul(4 * D * H * W))),
    repeat(oH, (row) => [
      first.set(plane.rem(oD).mul(planeStep * H * W).add(row.mul(rowStep * W))),
      to.set(plane.mul(4 * oH * oW).add(row.mul(4 * oW))),
      body(channel, first, to),
    ]),
  ]);
}

/** Four windows of width and step two at once: sets `top` to their maxima and `winner` to where they are. */
function fourWindows(places: readonly number[], from: Code<"i32">, first: Local<"i32">) {
  const { top, winner, start } = declare({ top: "f32x4", winner: "i32x4", start: "i32x4" });
  const { x, low, high, wins } = declare({ x: "f32x4", low: "f32x4", high: "f32x4", wins: "i32x4" });
  /** A value takes the lead when it is larger, or NaN while the leader is a number. */
  const compare = (candidate: Code<"f32x4">, offset: number): Statements => [
    x.set(candidate),
    wins.set(x.gt(top).or(top.eq(top).unless(x.eq(x)))),
    top.set(select(wins, x, top)),
    winner.set(select(wins, start.add(offset), winner)),
  ];
  const pairs = places.filter((_, i) => i % 2 === 0);
  const code = [
    start.set(i32x4.splat(first).add(i32x4.lanes([0, 2, 4, 6]))),
    pairs.map((offset, i) => {
      const even = shuffle(low, high, [0, 2, 4, 6]);
      return [
        low.set(f32x4.load(from, 4 * offset)),
        high.set(f32x4.load(from, 4 * offset + 16)),
        i === 0 ? [top.set(even), winner.set(start)] : compare(even, offset),
        compare(shuffle(low, high, [1, 3, 5, 7]), offset + 1),
      ];
    }),
  ];
  return { top, winner, code };
}

/** One window: sets `top` to its maximum and `winner` to where that is. */
function oneWindow(places: readonly number[], from: Code<"i32">, first: Local<"i32">) {
  const { top, winner, value } = declare({ top: "f32", winner: "i32", value: "f32" });
  const isNaN = (x: Code<"f32">): Code<"i32"> => x.eq(x).eq(0);
  const code = [
    top.set(f32.load(from)),
    winner.set(first),
    places.slice(1).map((offset) => [
      value.set(f32.load(from, 4 * offset)),
      when(value.gt(top).or(isNaN(value).gt(isNaN(top))), [
        top.set(value),
        winner.set(first.add(offset)),
      ]),
    ]),
  ];
  return { top, winner, code };
}

function maxKernel(engine: Engine, pooling: Pooling) {
  const { kernel, stride, output, size } = pooling;
  const places = windowPlaces(kernel, size);
  const vectors = kernel[2] === 2 && stride[2] === 2 ? output[2] - output[2] % 4 : 0;
  const parameters = { x: "i32", out: "i32", winners: "i32" } as const;
  return engine.compile(keyOf("max pool", pooling), parameters, ({ x, out, winners }, items) => {
    const { first, from } = declare({ first: "i32", from: "i32" });
    const four = fourWindows(places, from, first);
    const one = oneWindow(places, from, first);
    return overRows(items, x, pooling, (channel, rowFirst, to) => {
      const find = (at: Local<"i32">) => [
        first.set(rowFirst.add(at.mul(stride[2]))),
        from.set(channel.add(first.mul(4))),
      ];
      const place = (array: Local<"i32">, at: Local<"i32">) => array.add(to.add(at.mul(4)));
      return [
        loop(0, vectors, 4, (at) => [
          find(at),
          four.code,
          f32x4.store(place(out, at), four.top),
          i32x4.store(place(winners, at), four.winner),
        ]),
        loop(vectors, output[2], 1, (at) => [
          find(at),
          one.code,
          f32.store(place(out, at), one.top),
          i32.store(place(winners, at), one.winner),
        ]),
      ];
    });
  });
}

function meanKernel(engine: Engine, pooling: Pooling) {
  const { kernel, stride, output, size } = pooling;
  const places = windowPlaces(kernel, size);
  return engine.compile(keyOf("mean pool", pooling), { x: "i32", out: "i32" }, ({ x, out }, items) => {
    const { from } = declare({ from: "i32" });
    const sum = places.map((place) => f32.load(from, 4 * place)).reduce((a, b) => a.add(b));
    return overRows(items, x, pooling, (channel, first, to) =>
      repeat(output[2], (at) => [
        from.set(channel.add(first.mul(4)).add(at.mul(4 * stride[2]))),
        f32.store(out.add(to).add(at.mul(4)), sum.div(places.length)),
      ]));
  });
}

/** Gradient kernels work channel by channel, since windows may overlap: first all is zero. */
const clear = (target: Code<"i32">, voxels: number): Statements =>
  overRun(0, 4 * voxels, (at, { store }) => store(target.add(at), 0));

function maxGradKernel(engine: Engine, voxels: number, windows: number) {
  const parameters = { g: "i32", winners: "i32", out: "i32" } as const;
  const key = `max pool grad ${voxels} ${windows}`;
  return engine.compile(key, parameters, ({ g, winners, out }, { each }) => {
    const { target, place, from } = declare({ target: "i32", place: "i32", from: "i32" });
    return each((channel) => [
      target.set(out.add(channel.mul(4 * voxels))),
      clear(target, voxels),
      repeat(windows, (at) => [
        from.set(channel.mul(4 * windows).add(at.mul(4))),
        place.set(target.add(i32.load(winners.add(from)).mul(4))),
        f32.store(place, f32.load(place).add(f32.load(g.add(from)))),
      ]),
    ]);
  });
}

function meanGradKernel(engine: Engine, pooling: Pooling) {
  const { size, output: [, oH, oW], kernel, stride } = pooling;
  const places = windowPlaces(kernel, size);
  const [voxels, windows] = [sizeOf(size), sizeOf(pooling.output)];
  return engine.compile(
    keyOf("mean pool grad", pooling),
    { g: "i32", out: "i32" },
    ({ g, out }, { each }) => {
      const { target, place, share } = declare({ target: "i32", place: "i32", share: "f32" });
      return each((channel) => [
        target.set(out.add(channel.mul(4 * voxels))),
        clear(target, voxels),
        repeat(windows, (at) => [
          place.set(
            target.add(at.div(oH * oW).mul(4 * stride[0] * size[1] * size[2]))
              .add(at.div(oW).rem(oH).mul(4 * stride[1] * size[2]))
              .add(at.rem(oW).mul(4 * stride[2])),
          ),
          share.set(f32.load(g.add(channel.mul(4 * windows)).add(at.mul(4))).div(places.length)),
          places.map((offset) => f32.store(place, f32.load(place, 4 * offset).add(share), 4 * offset)),
        ]),
      ]);
    },
  );
}

/** The pooling kernels. */
export function pool3dKernels(
  engine: Engine,
): Pick<CpuKernels, "maxPool3d" | "maxPool3dGrad" | "avgPool3d" | "avgPool3dGrad"> {
  const channels = ({ shape }: CpuArray) => shape[0]! * shape[1]!;
  const poolingOf = (from: CpuArray, to: CpuArray, { kernel, stride }: PoolAttributes): Pooling => ({
    size: spatial(from.shape),
    output: spatial(to.shape),
    kernel,
    stride,
  });
  return {
    maxPool3d([x], [out, winners], attributes) {
      const pooling = poolingOf(x!, out!, attributes);
      const arrays = { x: x!, out: out!, winners: winners! };
      engine.run(maxKernel(engine, pooling), channels(x!) * pooling.output[0], arrays);
    },
    maxPool3dGrad([g, winners], [out]) {
      const kernel = maxGradKernel(engine, sizeOf(spatial(out!.shape)), sizeOf(spatial(g!.shape)));
      engine.run(kernel, channels(out!), { g: g!, winners: winners!, out: out! });
    },
    avgPool3d([x], [out], attributes) {
      const pooling = poolingOf(x!, out!, attributes);
      engine.run(meanKernel(engine, pooling), channels(x!) * pooling.output[0], { x: x!, out: out! });
    },
    avgPool3dGrad([g], [out], attributes) {
      const kernel = meanGradKernel(engine, poolingOf(out!, g!, attributes));
      engine.run(kernel, channels(out!), { g: g!, out: out! });
    },
  };
}
