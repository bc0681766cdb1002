/**
 * The one convolution kernel behind conv3d, its input gradient and the transposed convolution.
 *
 * A tile is a few output channels times a few vectors of four voxels, held in registers while the input
 * channels and taps are summed. The input lies in a zero-bordered buffer, so a tap is a constant address
 * offset. One load brings the weights of four output channels, and shuffles spread each over the lanes: the
 * engine checks the bounds of every load, so a load costs more than a shuffle. Without these checks, in an
 * engine that joins neighbouring vectors to wider ones, tiles are larger and weights are spread on loading.
 *
 * @module
 */

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, i32, type Local, loop, madd, v128 } from "./instructions.ts";
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
  return Array.from(
    { length: count },
    (_, i) => Math.floor(channels * (i + 1) / count) - Math.floor(channels * i / count),
  );
}

/** Elements between the rows of what the kernel writes: vectors need four. */
export function outputPitch({ size }: Convolution): number {
  return Math.max(4, size[2]);
}

/** Bytes of the packed weights. */
function packedBytes({ groups, outputs, inputs, taps }: Convolution): number {
  return 4 * groups * outputs * inputs * taps.length;
}

/** Weights to `[group][block][input][tap][channel of the block]`. */
function packKernel(engine: Engine, { outputs, inputs, taps, weightStrides }: Convolution): Kernel {
  const [perGroup, perOutput, perInput] = weightStrides;
  const blocks = channelBlocks(outputs, engine.wide);
  const places = taps.map(({ weight }) => weight);
  const key = `pack ${[outputs, inputs, ...weightStrides]} ${places}`;
  return engine.kernel(key, () => ({ locals, begin, end, word }) => {
    const [item, source, target, o, input] = locals.locals("i32", 5);
    let first = 0;
    const each = blocks.map((size) => {
      const from = first;
      first += size;
      return loop(
        o!,
        i32.const(0),
        i32.const(size),
        1,
        block(
          source!.set(addressOf(
            word(0),
            [quotient(item!.get, inputs), 4 * perGroup],
            [input!, 4 * perInput],
            [i32.add(o!.get, i32.const(from)), 4 * perOutput],
          )),
          target!.set(addressOf(
            i32.add(word(1), i32.const(4 * from * inputs * taps.length)),
            [quotient(item!.get, inputs), 4 * outputs * inputs * taps.length],
            [input!, 4 * taps.length * size],
            [o!, 4],
          )),
          ...places.map((place, t) => f32.store(target!.get, f32.load(source!.get, 4 * place), 4 * t * size)),
        ),
      );
    });
    return loop(item!, begin, end, 1, block(input!.set(remainder(item!.get, inputs)), ...each));
  });
}

/** Row and column of each vector of a tile: as many in a row as fit; in narrow planes two rows. */
function tileVectors(
  [, H, W]: readonly [number, number, number],
  wide: boolean,
): (readonly [number, number])[] {
  if (wide && W >= 16) return [[0, 0], [0, 4], [0, 8], [0, 12]];
  if (W >= 8) return [[0, 0], [0, 4]];
  if (W > 4) return [[0, 0], [0, W - 4]];
  return H >= 2 ? [[0, 0], [1, 0]] : [[0, 0]];
}

function convolveKernel(engine: Engine, convolution: Convolution, bias: boolean): Kernel {
  const { groups, inputs, outputs, layout, size, step, taps } = convolution;
  const [D, H, W] = size;
  const pitch = outputPitch(convolution);
  const outVolume = D * H * pitch;
  const vectors = tileVectors(size, engine.wide);
  const rowStep = vectors.at(-1)![0] + 1;
  const columns = 4 * vectors.length;
  const rowIn = step[1] * pitchOf(layout);
  const blocks = channelBlocks(outputs, engine.wide);
  const key = `convolve ${bias} ${JSON.stringify({ ...convolution, samples: 0 })}`;
  return engine.kernel(key, (module) => {
    /** tile(input, weights, bias, output): sums over the input channels. */
    const tile = (channels: number) =>
      module.add(`tile${channels}`, ["i32", "i32", "i32", "i32"], (locals, [x, w, b, y]) => {
        const sums = vectors.map(() => locals.locals("v128", channels));
        const values = locals.locals("v128", vectors.length);
        const [weights, weight] = locals.locals("v128", 2) as [Local, Local];
        const left = locals.local("i32");
        const start = (o: number): Code => bias ? v128.loadSplat(b!.get, 4 * o) : v128.zero;
        return block(
          ...sums.flatMap((column) => column.map((sum, o) => sum.set(start(o)))),
          loop(
            left,
            i32.const(0),
            i32.const(inputs),
            1,
            block(
              ...taps.map(({ offset }, t) =>
                block(
                  ...values.map((value, v) =>
                    value.set(v128.load(x!.get, 4 * (offset + vectors[v]![0] * rowIn + vectors[v]![1])))
                  ),
                  engine.wide ? [] : weights.set(v128.load(w!.get, 4 * t * channels)),
                  ...Array.from({ length: channels }, (_, o) =>
                    block(
                      weight.set(
                        engine.wide
                          ? v128.loadSplat(w!.get, 4 * (t * channels + o))
                          : v128.shuffle(weights.get, weights.get, [o, o, o, o]),
                      ),
                      ...values.map((value, v) =>
                        sums[v]![o]!.set(madd(weight.get, value.get, sums[v]![o]!.get))
                      ),
                    )),
                )
              ),
              x!.set(i32.add(x!.get, i32.const(4 * volumeOf(layout)))),
              w!.set(i32.add(w!.get, i32.const(4 * taps.length * channels))),
            ),
          ),
          ...Array.from({ length: channels }, (_, o) =>
            block(...sums.map((column, v) =>
              v128.store(
                y!.get,
                column[o]!.get,
                4 * (o * outVolume + vectors[v]![0] * pitch + vectors[v]![1]),
              )
            ))),
        );
      });
    const tiles = new Map([...new Set(blocks)].map((channels) => [channels, tile(channels)]));
    return ({ locals, begin, end, word }) => {
      const [item, group, row, column, x, w, b, y] = locals.locals("i32", 8) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const plane = (channels: number): Code => {
        const at = (column: Code): Code =>
          call(
            tiles.get(channels)!,
            addressOf(x.get, [row, 4 * rowIn], [column, 4]),
            w.get,
            b.get,
            addressOf(y.get, [row, 4 * pitch], [column, 4]),
          );
        const across = W <= 4 || W < columns ? at(i32.const(0)) : block(
          loop(column, i32.const(0), i32.const(W - columns + 1), columns, at(column.get)),
          W % columns === 0 ? [] : at(i32.const(W - columns)), // overlaps the tile before: same values
        );
        return block(
          loop(row, i32.const(0), i32.const(H - rowStep + 1), rowStep, across),
          H % rowStep === 0 ? [] : block(row.set(i32.const(H - rowStep)), across),
        );
      };
      const groupIn = 4 * inputs * volumeOf(layout);
      return loop(
        item,
        begin,
        end,
        1,
        block(
          // An item is one output plane of one group of one sample.
          group.set(remainder(quotient(item.get, D), groups)),
          x.set(addressOf(
            word(0),
            [quotient(item.get, D), groupIn],
            [remainder(item.get, D), 4 * step[0] * planeOf(layout)],
          )),
          w.set(addressOf(word(1), [group, 4 * outputs * inputs * taps.length])),
          b.set(addressOf(word(2), [group, 4 * outputs])),
          y.set(addressOf(
            word(3),
            [quotient(item.get, D), 4 * outputs * outVolume],
            [remainder(item.get, D), 4 * H * pitch],
          )),
          ...blocks.map((channels) =>
            block(
              plane(channels),
              w.set(i32.add(w.get, i32.const(4 * channels * inputs * taps.length))),
              b.set(i32.add(b.get, i32.const(4 * channels))),
              y.set(i32.add(y.get, i32.const(4 * channels * outVolume))),
            )
          ),
        ),
      );
    };
  });
}

/** Removes the columns that only vectors needed. */
function narrowKernel(engine: Engine, from: number, to: number): Kernel {
  return engine.kernel(`narrow ${from} ${to}`, () => ({ locals, begin, end, word }) => {
    const item = locals.local("i32");
    return loop(
      item,
      begin,
      end,
      1,
      block(
        ...Array.from({ length: to }, (_, x) =>
          i32.store(
            addressOf(word(1), [item, 4 * to]),
            i32.load(addressOf(word(0), [item, 4 * from]), 4 * x),
            4 * x,
          )),
      ),
    );
  });
}

/** Convolves x with a weight, adds a bias where its address is not 0, and writes dense y. */
export function convolve(
  engine: Engine,
  convolution: Convolution,
  { x, weight, bias, y }: { x: number; weight: number; bias: number; y: number },
): void {
  const { samples, groups, inputs, outputs, layout, size } = convolution;
  const volumes = samples * groups * inputs;
  const pitch = outputPitch(convolution);
  const rows = samples * groups * outputs * size[0] * size[1];
  const inPlace = isPlain(layout);
  engine.withScratch(packedBytes(convolution), (packed) => {
    engine.launch(packKernel(engine, convolution), groups * inputs, [weight, packed]);
    engine.withScratch(inPlace ? 0 : 4 * volumes * volumeOf(layout), (padded) => {
      if (!inPlace) padCopy(engine, layout, volumes, x, padded);
      const kernel = convolveKernel(engine, convolution, bias !== 0);
      const compute = (target: number) =>
        engine.launch(kernel, samples * groups * size[0], [inPlace ? x : padded, packed, bias, target]);
      if (pitch === size[2]) compute(y);
      else {
        engine.withScratch(4 * rows * pitch, (wide) => {
          compute(wide);
          engine.launch(narrowKernel(engine, pitch, size[2]), rows, [wide, y]);
        });
      }
    });
  });
}
