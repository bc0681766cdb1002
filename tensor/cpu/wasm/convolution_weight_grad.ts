/**
 * The weight gradient of conv3d: for each pair of an output and an input channel and each tap, the sum over
 * all voxels of the output gradient times the input at that tap.
 *
 * The micro-kernel sums a tile: two output channels times up to six pairs of input channel and tap, twelve
 * vectors that run along the rows of a few planes. Between tiles they rest in memory; at the end their lanes are
 * added up.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { Triple } from "../../shape.ts";
import type { CpuArray } from "../kernel.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  i32,
  least,
  type Local,
  locals,
  loop,
  madd,
  procedure,
  repeat,
  type Statements,
  sumLanes,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether } from "./joint_launch.ts";
import {
  isPlain,
  padCopy,
  type PaddedLayout,
  paddedLayout,
  pitchOf,
  placeOf,
  planeOf,
  volumeOf,
} from "./pad_copy.ts";

type Size = [number, number, number];

interface WeightGradient {
  /** Samples. */
  readonly samples: number;
  /** Output channels of a group, and input channels of a group. */
  readonly outputs: number;
  readonly inputs: number;
  readonly groups: number;
  /** Where the input lies. */
  readonly layout: PaddedLayout;
  /** The output gradient's planes and rows, and its columns padded to a multiple of four. */
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
  /** Padded planes from output plane to output plane, and rows likewise. */
  readonly step: readonly [number, number];
  /** Offset of each tap in the padded buffer, in elements. */
  readonly taps: readonly number[];
  /** Planes that a tile sums at once, so that what it reads stays in the first-level cache. */
  readonly depth: number;
  /** Samples times blocks of planes are dealt out to so many parts, each with its own sums. */
  readonly parts: number;
  /** Output channels of a group are cut into slices of so many, an even number where there are several. */
  readonly slice: number;
}

/** Distances in bytes. */
function strides({ inputs, planes, rows, columns, layout, step, taps }: WeightGradient) {
  const gRow = 4 * columns;
  const gPlane = rows * gRow;
  return {
    xRow: 4 * step[1] * pitchOf(layout),
    xPlane: 4 * step[0] * planeOf(layout),
    xVolume: 4 * volumeOf(layout),
    gRow,
    gPlane,
    gVolume: planes * gPlane,
    /** Sums from output channel to output channel. */
    perOutput: 16 * inputs * taps.length,
  };
}

/** Runs of neighbouring numbers: first and length of each. */
function runs(count: number, size: number): (readonly [first: number, length: number])[] {
  return unroll(Math.ceil(count / size), (i) => [i * size, Math.min(size, count - i * size)]);
}

/** Taps of a tile, and input channels. */
function tileSizes({ inputs, taps: { length } }: WeightGradient): { taps: number; inputs: number } {
  const taps = length % 3 === 0 ? 3 : length === 1 ? 1 : length % 2 === 0 ? 2 : 3;
  return { taps, inputs: Math.min(inputs, Math.floor(6 / taps)) };
}

/** Vectors of a row whose products are written out. */
function unrolledVectors(vectors: number): number {
  if (vectors % 4 === 0) return 4;
  return vectors % 2 === 0 ? 2 : vectors <= 5 ? vectors : 1;
}

/** The micro-kernel: adds the products of some planes to the sums of a tile. */
function microKernel(
  shape: WeightGradient,
  [outputs, inputs]: readonly [number, number],
  [firstTap, tapCount]: readonly [number, number],
) {
  const { taps, rows, columns } = shape;
  const { xRow, xPlane, xVolume, gRow, gPlane, gVolume, perOutput } = strides(shape);
  const pairs = unroll(inputs, (input) => unroll(tapCount, (tap) => ({ input, tap }))).flat();
  const vectors = columns / 4;
  const step = unrolledVectors(vectors);
  return procedure({ x: "i32", g: "i32", sums: "i32", planes: "i32" }, ({ x, g, sums, planes }) => {
    const totals = pairs.map(() => locals("f32x4", outputs));
    const { gradients, value } = declare({ gradients: ["f32x4", outputs], value: "f32x4" });
    const { xAt, gAt, xColumn } = declare({ xAt: "i32", gAt: "i32", xColumn: "i32" });
    const eachTotal = (body: (total: Local<"f32x4">, place: number) => Statements) =>
      pairs.map(({ input, tap }, k) =>
        totals[k]!.map((total, o) => body(total, o * perOutput + 16 * (input * taps.length + tap)))
      );
    /** Products of one vector of a row; offsets are constants. */
    const products = (xBase: Code<"i32">, gBase: Code<"i32">, offset: number): Statements => [
      gradients.map((gradient, o) => gradient.set(f32x4.load(gBase, o * gVolume + offset))),
      pairs.map(({ input, tap }, k) => [
        value.set(f32x4.load(xBase, input * xVolume + 4 * taps[firstTap + tap]! + offset)),
        totals[k]!.map((total, o) => total.set(madd(gradients[o]!, value, total))),
      ]),
    ];
    const across = vectors === step
      ? unroll(step, (v) => products(xAt, gAt, 16 * v))
      : loop(0, gRow, 16 * step, (column) => [
        xColumn.set(xAt.add(column)),
        unroll(step, (v) => products(xColumn, gAt.add(column), 16 * v)),
      ]);
    return [
      eachTotal((total, place) => total.set(f32x4.load(sums, place))),
      repeat(planes, (plane) => [
        xAt.set(x.add(plane.mul(xPlane))),
        gAt.set(g.add(plane.mul(gPlane))),
        repeat(rows, () => [across, xAt.increase(xRow), gAt.increase(gRow)]),
      ]),
      eachTotal((total, place) => f32x4.store(sums, total, place)),
    ];
  });
}

/** All pairs of input channels and taps of one block of planes, for so many output channels. */
function channelKernel(shape: WeightGradient, outputs: number) {
  const { inputs, taps } = shape;
  const tile = tileSizes(shape);
  const whole = inputs - inputs % tile.inputs;
  return procedure({ x: "i32", g: "i32", sums: "i32", planes: "i32" }, ({ x, g, sums, planes }) => {
    const tiles = (count: number) =>
      runs(taps.length, tile.taps).map(([first, length]) => {
        const sumTile = microKernel(shape, [outputs, count], [first, length]);
        return sumTile({ x, g, sums: sums.add(16 * first), planes });
      });
    return [
      loop(0, whole, tile.inputs, () => [
        tiles(tile.inputs),
        x.increase(tile.inputs * strides(shape).xVolume),
        sums.increase(16 * tile.inputs * taps.length),
      ]),
      inputs > whole ? tiles(inputs - whole) : [],
    ];
  });
}

/** Sums one block of planes of one sample for the output channels `from` to `to` of a group. */
function sumBlock(
  shape: WeightGradient,
  { x, g, sums, planes, from, to }: Readonly<
    Record<"x" | "g" | "sums" | "planes" | "from" | "to", Local<"i32">>
  >,
): Statements {
  const { outputs } = shape;
  const { gVolume, perOutput } = strides(shape);
  const at = (o: Code<"i32">) => ({ x, g: g.add(o.mul(gVolume)), sums: sums.add(o.mul(perOutput)), planes });
  return [
    outputs >= 2 ? loop(from, to.sub(1), 2, (o) => channelKernel(shape, 2)(at(o))) : [],
    outputs % 2 === 1 ? when(to.eq(outputs), channelKernel(shape, 1)(at(i32.const(outputs - 1)))) : [],
  ];
}

/** An item is a part of the blocks of planes and a slice of a group's output channels. */
function sumKernel(engine: Engine, shape: WeightGradient) {
  const { samples, outputs, inputs, groups, planes, depth, parts, slice } = shape;
  const { xPlane, xVolume, gPlane, gVolume, perOutput } = strides(shape);
  const [blocks, slices] = [Math.ceil(planes / depth), Math.ceil(outputs / slice)];
  const parameters = { input: "i32", gradient: "i32", allSums: "i32" } as const;
  const key = `weight gradient ${JSON.stringify(shape)}`;
  return engine.compile(key, parameters, ({ input, gradient, allSums }, { each }) => {
    const { part, group, from, to } = declare({ part: "i32", group: "i32", from: "i32", to: "i32" });
    const { x, g, sums, left } = declare({ x: "i32", g: "i32", sums: "i32", left: "i32" });
    const chunks = samples * blocks;
    return each((item) => [
      group.set(item.div(slices).rem(groups)),
      part.set(item.div(slices * groups)),
      from.set(item.rem(slices).mul(slice)),
      to.set(least(from.add(slice), outputs)),
      sums.set(allSums.add(part.mul(groups * outputs * perOutput)).add(group.mul(outputs * perOutput))),
      loop(from.mul(perOutput), to.mul(perOutput), 16, (at) => f32x4.store(sums.add(at), 0)),
      loop(part.mul(chunks).div(parts), part.add(1).mul(chunks).div(parts), 1, (chunk) => {
        const [sample, block] = [chunk.div(blocks), chunk.rem(blocks)];
        return [
          left.set(least(i32.const(planes).sub(block.mul(depth)), depth)),
          x.set(
            input.add(sample.mul(groups * inputs * xVolume)).add(group.mul(inputs * xVolume))
              .add(block.mul(depth * xPlane)),
          ),
          g.set(
            gradient.add(sample.mul(groups * outputs * gVolume)).add(group.mul(outputs * gVolume))
              .add(block.mul(depth * gPlane)),
          ),
          sumBlock(shape, { x, g, sums, planes: left, from, to }),
        ];
      }),
    ]);
  });
}

/** Adds the parts and the lanes. An item is a weight. */
function finishKernel(engine: Engine, parts: number, weights: number) {
  const key = `weight gradient sums ${parts} ${weights}`;
  return engine.compile(key, { sums: "i32", out: "i32" }, ({ sums, out }, { each }) => {
    const { from, total } = declare({ from: "i32", total: "f32x4" });
    return each((weight) => [
      from.set(sums.add(weight.mul(16))),
      total.set(f32x4.load(from)),
      unroll(parts - 1, (p) => total.increase(f32x4.load(from, 16 * (p + 1) * weights))),
      f32.store(out.add(weight.mul(4)), sumLanes(total)),
    ]);
  });
}

/** What is computed, and how it is dealt out. */
function shapeOf(
  x: CpuArray,
  g: CpuArray,
  { stride, padding, dilation, groups, kernel }: ConvAttributes & { readonly kernel: Triple },
): WeightGradient {
  const [planes, rows, width] = g.shape.slice(2) as Size;
  const columns = Math.ceil(width / 4) * 4;
  const reach = kernel.map((k, axis) => (k - 1) * dilation[axis]!) as Size;
  const layout = paddedLayout(x.shape.slice(2) as Size, [planes, rows, columns], {
    before: [...padding] as Size,
    reach,
    stride,
  });
  const taps = unroll(kernel[0] * kernel[1] * kernel[2], (tap) => {
    const [z, y] = [Math.floor(tap / (kernel[1] * kernel[2])), Math.floor(tap / kernel[2]) % kernel[1]];
    return placeOf(layout, z * dilation[0], y * dilation[1], (tap % kernel[2]) * dilation[2]);
  });
  const samples = x.shape[0]!;
  const [outputs, inputs] = [g.shape[1]! / groups, x.shape[1]! / groups];
  const depth = Math.min(planes, Math.max(1, Math.floor(2048 / (rows * columns))));
  const weights = groups * outputs * inputs * taps.length;
  // Enough items for many threads: parts of the volume where the sums are small, else slices of channels.
  const chunks = samples * Math.ceil(planes / depth);
  const parts = Math.min(chunks, 16, Math.max(1, Math.floor(2 ** 18 / weights)));
  const slice = parts >= 8 ? outputs : 2 * Math.ceil(outputs / 16);
  const step: [number, number] = [stride[0], stride[1]];
  return { samples, outputs, inputs, groups, layout, planes, rows, columns, step, taps, depth, parts, slice };
}

/** The output gradient with its rows filled up to whole vectors. */
const gradientLayout = ({ planes, rows, columns }: WeightGradient, width: number): PaddedLayout => ({
  size: [planes, rows, width],
  before: [0, 0, 0],
  planes,
  rows,
  segment: columns,
  segments: 1,
});

/** `[O,I/groups,…kernel]` from x and the gradient of the output. */
export function convolutionWeightGrad(
  engine: Engine,
  x: CpuArray,
  g: CpuArray,
  out: CpuArray,
  attributes: ConvAttributes & { readonly kernel: Triple },
): void {
  const shape = shapeOf(x, g, attributes);
  const { samples, outputs, inputs, groups, taps, parts, slice } = shape;
  const layouts = { x: shape.layout, g: gradientLayout(shape, g.shape[4]!) };
  const volumes = { x: samples * groups * inputs, g: samples * groups * outputs };
  const bytesOf = (name: "x" | "g") =>
    isPlain(layouts[name]) ? 0 : 4 * volumes[name] * volumeOf(layouts[name]);
  const weights = groups * outputs * inputs * taps.length;
  engine.scratch({ x: bytesOf("x"), g: bytesOf("g"), sums: 16 * parts * weights }, ({ sums, ...padded }) => {
    const copies = ([["x", x], ["g", g]] as const).filter(([name]) => !isPlain(layouts[name]));
    if (copies.length > 0) {
      runTogether(
        engine,
        copies.map(([name, { address }]) => padCopy(layouts[name], volumes[name], address, padded[name])),
      );
    }
    const source = (name: "x" | "g", { address }: CpuArray): number =>
      isPlain(layouts[name]) ? address : padded[name];
    const inputs = { input: source("x", x), gradient: source("g", g), allSums: sums };
    engine.run(sumKernel(engine, shape), parts * groups * Math.ceil(outputs / slice), inputs);
    engine.run(finishKernel(engine, parts, weights), weights, { sums, out });
  });
}
