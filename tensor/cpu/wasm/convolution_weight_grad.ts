/**
 * The weight gradient of conv3d: for each pair of an output and an input channel and each tap, the sum over
 * all voxels of the output gradient times the input at that tap.
 *
 * A tile is two output channels times up to six pairs of input channel and tap: twelve vector accumulators
 * that run along the rows of a few planes. Between tiles they rest in memory; at the end their lanes are
 * added up.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { Triple } from "../../shape.ts";
import type { CpuArray } from "../kernel.ts";
import { paddedLayout } from "./convolution.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import {
  block,
  call,
  type Code,
  f32,
  f32x4,
  i32,
  type Local,
  loop,
  madd,
  sumLanes,
  v128,
  when,
} from "./instructions.ts";
import { isPlain, padCopy, type PaddedLayout, pitchOf, placeOf, planeOf, volumeOf } from "./pad_copy.ts";

type Size = [number, number, number];

interface WeightGradient {
  /** Output channels of a group, and input channels of a group. */
  readonly outputs: number;
  readonly inputs: number;
  readonly groups: number;
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

const groupsOf = (count: number, size: number): number[] =>
  Array.from({ length: Math.ceil(count / size) }, (_, i) => Math.min(size, count - i * size));

/** Runs of neighbouring numbers: first and length of each. */
function runs(count: number, size: number): (readonly [number, number])[] {
  let first = 0;
  return groupsOf(count, size).map((length) => {
    first += length;
    return [first - length, length] as const;
  });
}

function tapsPerTile(taps: number): number {
  return taps % 3 === 0 ? 3 : taps === 1 ? 1 : taps % 2 === 0 ? 2 : 3;
}

function gradientKernel(engine: Engine, shape: WeightGradient): Kernel {
  const {
    outputs,
    inputs,
    groups,
    layout,
    planes,
    rows,
    columns,
    step,
    taps,
    depth,
    parts,
    slice: sliceSize,
  } = shape;
  const tapGroup = tapsPerTile(taps.length);
  const inputGroup = Math.min(inputs, Math.floor(6 / tapGroup));
  const gPlane = 4 * rows * columns, gVolume = planes * gPlane;
  const rowIn = 4 * step[1] * pitchOf(layout), planeIn = 4 * step[0] * planeOf(layout);
  const perOutput = 16 * inputs * taps.length; // bytes of sums from output channel to output channel
  const blocksOfPlanes = Math.ceil(planes / depth);
  const slices = Math.ceil(outputs / sliceSize);
  return engine.kernel(`weight gradient ${JSON.stringify(shape)}`, (module) => {
    /** tile(x, g, sums, planes): adds the products of some planes to the sums. */
    const tile = (o: number, i: number, first: number, count: number) =>
      module.add(`tile${o}x${i}x${first}`, ["i32", "i32", "i32", "i32"], (locals, [x, g, sums, left]) => {
        const columnsOf = Array.from({ length: i }, (_, c) => Array.from({ length: count }, (_, t) => [c, t]))
          .flat();
        const totals = columnsOf.map(() => locals.locals("v128", o));
        const values = locals.locals("v128", o);
        const value = locals.local("v128");
        const [plane, row, column, xRow, gRow, at] = locals.locals("i32", 6) as [
          Local,
          Local,
          Local,
          Local,
          Local,
          Local,
        ];
        const place = (k: number, c: number) =>
          c * perOutput + 16 * (columnsOf[k]![0]! * taps.length + columnsOf[k]![1]!);
        /** Products of one vector of a row; offsets are constants. */
        const products = (xBase: Code, gBase: Code, offset: number): Code =>
          block(
            ...values.map((v, c) => v.set(v128.load(gBase, c * gVolume + offset))),
            ...columnsOf.map(([c, t], k) =>
              block(
                value.set(v128.load(xBase, 4 * (c! * volumeOf(layout) + taps[first + t!]!) + offset)),
                ...values.map((v, c) => totals[k]![c]!.set(madd(v.get, value.get, totals[k]![c]!.get))),
              )
            ),
          );
        const vectors = columns / 4;
        const unroll = vectors % 4 === 0 ? 4 : vectors % 2 === 0 ? 2 : vectors <= 5 ? vectors : 1;
        const across = vectors === unroll
          ? block(...Array.from({ length: unroll }, (_, v) => products(xRow.get, gRow.get, 16 * v)))
          : loop(
            column,
            i32.const(0),
            i32.const(4 * columns),
            16 * unroll,
            block(
              at.set(i32.add(xRow.get, column.get)),
              ...Array.from(
                { length: unroll },
                (_, v) => products(at.get, i32.add(gRow.get, column.get), 16 * v),
              ),
            ),
          );
        return block(
          ...totals.flatMap((line, k) =>
            line.map((total, c) => total.set(v128.load(sums!.get, place(k, c))))
          ),
          loop(
            plane,
            i32.const(0),
            left!.get,
            1,
            block(
              xRow.set(addressOf(x!.get, [plane, planeIn])),
              gRow.set(addressOf(g!.get, [plane, gPlane])),
              loop(
                row,
                i32.const(0),
                i32.const(rows),
                1,
                block(
                  across,
                  xRow.set(i32.add(xRow.get, i32.const(rowIn))),
                  gRow.set(i32.add(gRow.get, i32.const(4 * columns))),
                ),
              ),
            ),
          ),
          ...totals.flatMap((line, k) =>
            line.map((total, c) => v128.store(sums!.get, total.get, place(k, c)))
          ),
        );
      });
    const known = new Map<string, number>();
    const tileOf = (o: number, i: number, first: number, count: number): number => {
      const key = `${o} ${i} ${first}`;
      if (!known.has(key)) known.set(key, tile(o, i, first, count));
      return known.get(key)!;
    };
    const tapRuns = runs(taps.length, tapGroup);
    // All pairs of channels of one block of planes: block(x, g, sums, planes, outputs).
    const pairs = (o: number) =>
      module.add(`pairs${o}`, ["i32", "i32", "i32", "i32"], (locals, [x, g, sums, left]) => {
        const i = locals.local("i32");
        const whole = inputs - inputs % inputGroup;
        const all = (count: number): Code =>
          block(...tapRuns.map(([first, length]) =>
            call(
              tileOf(o, count, first, length),
              x!.get,
              g!.get,
              i32.add(sums!.get, i32.const(16 * first)),
              left!.get,
            )
          ));
        return block(
          loop(
            i,
            i32.const(0),
            i32.const(whole),
            inputGroup,
            block(
              all(inputGroup),
              x!.set(i32.add(x!.get, i32.const(4 * inputGroup * volumeOf(layout)))),
              sums!.set(i32.add(sums!.get, i32.const(16 * inputGroup * taps.length))),
            ),
          ),
          inputs > whole ? all(inputs - whole) : [],
        );
      });
    const two = outputs >= 2 ? pairs(2) : -1;
    const one = outputs % 2 === 1 ? pairs(1) : -1;
    return ({ locals, begin, end, word }) => {
      const names = locals.locals("i32", 10);
      const [item, part, group, slice, o, last, chunk, x, g, sums] = names as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const left = locals.local("i32");
      const chunks = i32.mul(word(3), i32.const(blocksOfPlanes));
      const chunkEnd = locals.local("i32");
      const zero = locals.local("i32");
      return loop(
        item,
        begin,
        end,
        1,
        block(
          slice.set(remainder(item.get, slices)),
          group.set(remainder(quotient(item.get, slices), groups)),
          part.set(quotient(item.get, slices * groups)),
          // The slice's outputs, from `o` to `last`.
          last.set(i32.mul(i32.add(slice.get, i32.const(1)), i32.const(sliceSize))),
          when(i32.gtU(last.get, i32.const(outputs)), last.set(i32.const(outputs))),
          sums.set(addressOf(word(2), [part, groups * outputs * perOutput], [group, outputs * perOutput])),
          loop(
            zero,
            i32.mul(slice.get, i32.const(sliceSize * perOutput)),
            i32.mul(last.get, i32.const(perOutput)),
            16,
            v128.store(i32.add(sums.get, zero.get), v128.zero),
          ),
          chunkEnd.set(quotient(i32.mul(i32.add(part.get, i32.const(1)), chunks), parts)),
          loop(
            chunk,
            quotient(i32.mul(part.get, chunks), parts),
            chunkEnd.get,
            1,
            block(
              left.set(
                i32.sub(i32.const(planes), i32.mul(remainder(chunk.get, blocksOfPlanes), i32.const(depth))),
              ),
              when(i32.gtU(left.get, i32.const(depth)), left.set(i32.const(depth))),
              x.set(addressOf(
                word(0),
                [quotient(chunk.get, blocksOfPlanes), 4 * groups * inputs * volumeOf(layout)],
                [group, 4 * inputs * volumeOf(layout)],
                [remainder(chunk.get, blocksOfPlanes), depth * planeIn],
              )),
              g.set(addressOf(
                word(1),
                [quotient(chunk.get, blocksOfPlanes), groups * outputs * gVolume],
                [group, outputs * gVolume],
                [remainder(chunk.get, blocksOfPlanes), depth * gPlane],
              )),
              outputs >= 2
                ? loop(
                  o,
                  i32.mul(slice.get, i32.const(sliceSize)),
                  i32.sub(last.get, i32.const(1)),
                  2,
                  call(
                    two,
                    x.get,
                    addressOf(g.get, [o, gVolume]),
                    addressOf(sums.get, [o, perOutput]),
                    left.get,
                  ),
                )
                : [],
              outputs % 2 === 1
                ? when(
                  i32.eq(last.get, i32.const(outputs)),
                  call(
                    one,
                    x.get,
                    i32.add(g.get, i32.const((outputs - 1) * gVolume)),
                    i32.add(sums.get, i32.const((outputs - 1) * perOutput)),
                    left.get,
                  ),
                )
                : [],
            ),
          ),
        ),
      );
    };
  });
}

/** Adds the parts and the lanes. */
function finishKernel(engine: Engine, parts: number, weights: number): Kernel {
  return engine.kernel(`weight gradient sums ${parts} ${weights}`, () => ({ locals, begin, end, word }) => {
    const [item, from] = locals.locals("i32", 2);
    const total = locals.local("v128");
    return loop(
      item!,
      begin,
      end,
      1,
      block(
        from!.set(addressOf(word(0), [item!, 16])),
        total.set(v128.load(from!.get)),
        ...Array.from(
          { length: parts - 1 },
          (_, p) => total.set(f32x4.add(total.get, v128.load(from!.get, 16 * (p + 1) * weights))),
        ),
        f32.store(addressOf(word(1), [item!, 4]), sumLanes(total)),
      ),
    );
  });
}

/** `[O,I/groups,…kernel]` from x and the gradient of the output. */
export function convolutionWeightGrad(
  engine: Engine,
  x: CpuArray,
  g: CpuArray,
  out: CpuArray,
  { stride, padding, dilation, groups, kernel }: ConvAttributes & { readonly kernel: Triple },
): void {
  const size = g.shape.slice(2) as Size;
  const input = x.shape.slice(2) as Size;
  const samples = x.shape[0]!;
  const [outputs, inputs] = [g.shape[1]! / groups, x.shape[1]! / groups];
  const columns = Math.ceil(size[2] / 4) * 4;
  const wide: Size = [size[0], size[1], columns];
  const reach = kernel.map((k, axis) => (k - 1) * dilation[axis]!) as Size;
  const layout = paddedLayout(input, wide, { before: [...padding] as Size, reach, stride });
  const taps: number[] = [];
  for (let z = 0; z < kernel[0]; z++) {
    for (let y = 0; y < kernel[1]; y++) {
      for (let c = 0; c < kernel[2]; c++) {
        taps.push(placeOf(layout, z * dilation[0], y * dilation[1], c * dilation[2]));
      }
    }
  }
  const depth = Math.min(size[0], Math.max(1, Math.floor(2048 / (size[1] * columns))));
  const chunks = samples * Math.ceil(size[0] / depth);
  const weights = groups * outputs * inputs * taps.length;
  // Enough items for many threads: parts of the volume where the sums are small, else slices of channels.
  const parts = Math.min(chunks, 16, Math.max(1, Math.floor(2 ** 18 / weights)));
  const slice = parts >= 8 ? outputs : 2 * Math.ceil(outputs / 16);
  const slices = Math.ceil(outputs / slice);
  const shape: WeightGradient = {
    outputs,
    inputs,
    groups,
    layout,
    planes: size[0],
    rows: size[1],
    columns,
    step: [stride[0], stride[1]],
    taps,
    depth,
    parts,
    slice,
  };
  const gLayout: PaddedLayout = {
    size,
    before: [0, 0, 0],
    planes: size[0],
    rows: size[1],
    segment: columns,
    segments: 1,
  };
  const [xVolumes, gVolumes] = [samples * x.shape[1]!, samples * g.shape[1]!];
  const xBytes = isPlain(layout) ? 0 : 4 * xVolumes * volumeOf(layout);
  const gBytes = isPlain(gLayout) ? 0 : 4 * gVolumes * volumeOf(gLayout);
  engine.withScratch(
    xBytes,
    (xPadded) =>
      engine.withScratch(gBytes, (gPadded) =>
        engine.withScratch(16 * parts * weights, (sums) => {
          if (xBytes > 0) padCopy(engine, layout, xVolumes, x.address, xPadded);
          if (gBytes > 0) padCopy(engine, gLayout, gVolumes, g.address, gPadded);
          engine.launch(gradientKernel(engine, shape), parts * groups * slices, [
            xBytes > 0 ? xPadded : x.address,
            gBytes > 0 ? gPadded : g.address,
            sums,
            samples,
          ]);
          engine.launch(finishKernel(engine, parts, weights), weights, [sums, out.address]);
        })),
  );
}
