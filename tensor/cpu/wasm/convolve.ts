/**
 * The one convolution kernel behind conv3d, its input gradient and the transposed convolution.
 *
 * The micro-kernel computes a tile: a few output channels times a few vectors of four voxels, held in registers
 * while the input channels and taps are summed. The input lies in a zero-bordered buffer, so a tap is a constant
 * address offset. One load brings the weights of four output channels, and shuffles spread each over the lanes:
 * the engine checks the bounds of every load, so a load costs more than a shuffle. Without these checks, in an
 * engine that joins neighbouring vectors to wider ones, tiles are larger and weights are spread on loading.
 *
 * @module
 */

import {
  broadcast,
  type Code,
  declare,
  f32,
  f32x4,
  i32,
  locals,
  loop,
  madd,
  procedure,
  repeat,
  type Statements,
  unroll,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether, type Work } from "./joint_launch.ts";
import { isPlain, padCopy, type PaddedLayout, pitchOf, planeOf, volumeOf } from "./pad_copy.ts";

/** A stride-1-like convolution over a padded buffer. */
export interface Convolution {
  /** Samples. */
  readonly samples: number;
  /** Channel groups. */
  readonly groups: number;
  /** Input channels of a group. */
  readonly inputs: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Where input voxels lie. */
  readonly layout: PaddedLayout;
  /** Sizes of the output. */
  readonly size: readonly [number, number, number];
  /** Padded planes from output plane to output plane, and rows likewise. */
  readonly step: readonly [number, number];
  /** For each tap: its place in the padded buffer in elements, and its weight's place in a filter. */
  readonly taps: readonly { readonly offset: number; readonly weight: number }[];
  /** Elements of the weight from group to group, from output to output and from input to input channel. */
  readonly weightStrides: readonly [number, number, number];
}

/** Blocks of output channels of nearly the same size: with two vectors, eight or twelve sums in registers. */
function channelBlocks(channels: number, wide: boolean): number[] {
  const count = Math.ceil(channels / (wide ? 6 : 4));
  return unroll(count, (i) => Math.floor(channels * (i + 1) / count) - Math.floor(channels * i / count));
}

/** Elements between the rows of what the kernel writes: vectors need four. */
function outputPitch({ size }: Convolution): number {
  return Math.max(4, size[2]);
}

/** Bytes of the packed weights of a group. */
function packedBytes({ outputs, inputs, taps }: Convolution): number {
  return 4 * outputs * inputs * taps.length;
}

/** Weights to `[group][block][input][tap][channel of the block]`. An item is an input channel of a group. */
function packWeights(convolution: Convolution, { wide }: Engine, from: number, to: number): Work {
  const { groups, outputs, inputs, taps, weightStrides: [perGroup, perOutput, perInput] } = convolution;
  const places = taps.map(({ weight }) => weight);
  const key = `pack weights ${[outputs, inputs, perGroup, perOutput, perInput]} ${places}`;
  const code: Work["code"] = ({ from: weight, to: packed }) => {
    const { group, input, source, target } = declare({
      group: "i32",
      input: "i32",
      source: "i32",
      target: "i32",
    });
    let first = 0;
    const blocks = channelBlocks(outputs, wide).map((size) => {
      const start = first;
      first += size;
      return repeat(size, (o) => [
        source.set(
          weight.add(group.mul(4 * perGroup)).add(input.mul(4 * perInput)).add(
            o.add(start).mul(4 * perOutput),
          ),
        ),
        target.set(
          packed.add(4 * start * inputs * taps.length).add(group.mul(packedBytes(convolution)))
            .add(input.mul(4 * taps.length * size)).add(o.mul(4)),
        ),
        places.map((place, t) => f32.store(target, f32.load(source, 4 * place), 4 * t * size)),
      ]);
    });
    return (item) => [group.set(item.div(inputs)), input.set(item.rem(inputs)), blocks];
  };
  return { key, items: groups * inputs, from, to, code };
}

/** Row and column of each vector of a tile: as many in a row as fit; in narrow planes two rows. */
function tileVectors([, H, W]: Convolution["size"], wide: boolean): (readonly [number, number])[] {
  if (wide && W >= 16) return [[0, 0], [0, 4], [0, 8], [0, 12]];
  if (W >= 8) return [[0, 0], [0, 4]];
  if (W > 4) return [[0, 0], [0, W - 4]];
  return H >= 2 ? [[0, 0], [1, 0]] : [[0, 0]];
}

/** How a kernel is made. */
interface Variant {
  readonly hasBias: boolean;
  readonly wide: boolean;
}

/** The micro-kernel: a tile of so many output channels, summed over the input channels and taps. */
function microKernel(convolution: Convolution, channels: number, { hasBias, wide }: Variant) {
  const { inputs, layout, size, step, taps } = convolution;
  const vectors = tileVectors(size, wide);
  const [pitch, rowIn] = [outputPitch(convolution), step[1] * pitchOf(layout)];
  const outVolume = size[0] * size[1] * pitch;
  return procedure({ x: "i32", w: "i32", b: "i32", y: "i32" }, ({ x, w, b, y }) => {
    const sums = unroll(channels, () => locals("f32x4", vectors.length));
    const { values, weights, weight } = declare({
      values: ["f32x4", vectors.length],
      weights: "f32x4",
      weight: "f32x4",
    });
    const tap = ({ offset }: { readonly offset: number }, t: number): Statements => [
      values.map((value, v) => {
        const [row, column] = vectors[v]!;
        return value.set(f32x4.load(x, 4 * (offset + row * rowIn + column)));
      }),
      wide ? [] : weights.set(f32x4.load(w, 4 * t * channels)),
      sums.map((line, o) => [
        weight.set(wide ? f32x4.loadSplat(w, 4 * (t * channels + o)) : broadcast(weights, o)),
        line.map((sum, v) => sum.set(madd(weight, values[v]!, sum))),
      ]),
    ];
    return [
      sums.map((line, o) => line.map((sum) => sum.set(hasBias ? f32x4.loadSplat(b, 4 * o) : 0))),
      repeat(inputs, () => [
        taps.map(tap),
        x.increase(4 * volumeOf(layout)),
        w.increase(4 * taps.length * channels),
      ]),
      sums.map((line, o) =>
        line.map((sum, v) => {
          const [row, column] = vectors[v]!;
          return f32x4.store(y, sum, 4 * (o * outVolume + row * pitch + column));
        })
      ),
    ];
  });
}

/** Runs a body for the first row and column of each tile of a plane. Tiles at the ends overlap: same values. */
function overTiles(
  { size }: Convolution,
  wide: boolean,
  body: (row: Code<"i32">, column: Code<"i32">) => Statements,
): Statements {
  const [, H, W] = size;
  const vectors = tileVectors(size, wide);
  const [rows, columns] = [vectors.at(-1)![0] + 1, 4 * vectors.length];
  const across = (row: Code<"i32">): Statements =>
    W <= 4 || W < columns ? body(row, i32.const(0)) : [
      loop(0, W - columns + 1, columns, (column) => body(row, column)),
      W % columns === 0 ? [] : body(row, i32.const(W - columns)),
    ];
  return [
    loop(0, H - rows + 1, rows, across),
    H % rows === 0 ? [] : across(i32.const(H - rows)),
  ];
}

/** An item is one output plane of one group of one sample. */
function convolveKernel(engine: Engine, convolution: Convolution, hasBias: boolean) {
  const { groups, inputs, outputs, layout, size: [D, H], step, taps } = convolution;
  const [pitch, rowIn] = [outputPitch(convolution), step[1] * pitchOf(layout)];
  const outVolume = D * H * pitch;
  const variant = { hasBias, wide: engine.wide };
  const parameters = { input: "i32", packed: "i32", bias: "i32", output: "i32" } as const;
  const key = `convolve ${hasBias} ${JSON.stringify({ ...convolution, samples: 0 })}`;
  return engine.compile(key, parameters, ({ input, packed, bias, output }, { each }) => {
    const { group, x, w, b, y } = declare({ group: "i32", x: "i32", w: "i32", b: "i32", y: "i32" });
    const blocks = channelBlocks(outputs, engine.wide);
    const tiles = new Map(
      [...new Set(blocks)].map((channels) => [channels, microKernel(convolution, channels, variant)]),
    );
    return each((item) => {
      const [volume, plane] = [item.div(D), item.rem(D)] as const;
      return [
        group.set(volume.rem(groups)),
        x.set(
          input.add(volume.mul(4 * inputs * volumeOf(layout))).add(plane.mul(4 * step[0] * planeOf(layout))),
        ),
        w.set(packed.add(group.mul(packedBytes(convolution)))),
        b.set(bias.add(group.mul(4 * outputs))),
        y.set(output.add(volume.mul(4 * outputs * outVolume)).add(plane.mul(4 * H * pitch))),
        blocks.map((channels) => [
          overTiles(convolution, engine.wide, (row, column) =>
            tiles.get(channels)!({
              x: x.add(row.mul(4 * rowIn)).add(column.mul(4)),
              w,
              b,
              y: y.add(row.mul(4 * pitch)).add(column.mul(4)),
            })),
          w.increase(4 * channels * inputs * taps.length),
          b.increase(4 * channels),
          y.increase(4 * channels * outVolume),
        ]),
      ];
    });
  });
}

/** Removes the columns that only vectors needed. An item is a row. */
function narrowKernel(engine: Engine, pitch: number, columns: number) {
  return engine.compile(
    `narrow ${pitch} ${columns}`,
    { from: "i32", to: "i32" },
    ({ from, to }, { each }) =>
      each((row) =>
        unroll(
          columns,
          (x) =>
            i32.store(to.add(row.mul(4 * columns)), i32.load(from.add(row.mul(4 * pitch)), 4 * x), 4 * x),
        )
      ),
  );
}

/** Convolves x with a weight, adds a bias where its address is not 0, and writes dense y. */
export function convolve(
  engine: Engine,
  convolution: Convolution,
  { x, weight, bias, y }: Readonly<Record<"x" | "weight" | "bias" | "y", number>>,
): void {
  const { samples, groups, inputs, outputs, layout, size } = convolution;
  const volumes = samples * groups * inputs;
  const [pitch, columns] = [outputPitch(convolution), size[2]];
  const rows = samples * groups * outputs * size[0] * size[1];
  const isInPlace = isPlain(layout);
  const bytes = {
    packed: groups * packedBytes(convolution),
    padded: isInPlace ? 0 : 4 * volumes * volumeOf(layout),
    wide: pitch === columns ? 0 : 4 * rows * pitch,
  };
  engine.scratch(bytes, ({ packed, padded, wide }) => {
    const packing = packWeights(convolution, engine, weight, packed);
    runTogether(engine, isInPlace ? [packing] : [packing, padCopy(layout, volumes, x, padded)]);
    engine.run(convolveKernel(engine, convolution, bias !== 0), samples * groups * size[0], {
      input: isInPlace ? x : padded,
      packed,
      bias,
      output: pitch === columns ? y : wide,
    });
    if (pitch !== columns) engine.run(narrowKernel(engine, pitch, columns), rows, { from: wide, to: y });
  });
}
