/**
 * Resampling and its gradient as one kernel: a result voxel is a weighted sum of source voxels along each
 * axis, whichever the direction. Rows are summed over depth and height first, vector by vector; then the
 * summed row is resampled along its width.
 *
 * @module
 */

import { resizeNeighbours } from "../../ops/resize3d.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, f32, f32x4, i32, type Local, loop, madd, v128 } from "./instructions.ts";

/** For each position of the result the source positions and their weights. */
type Sources = readonly (readonly (readonly [at: number, weight: number])[])[];

/** From input to output positions. */
function forward(
  attributes: Parameters<typeof resizeNeighbours>[0],
  inputs: number,
  outputs: number,
): Sources {
  return resizeNeighbours(attributes, inputs, outputs).map(({ first, second, weight }) =>
    ([[first, 1 - weight], [second, weight]] as const).filter(([, w]) => w !== 0)
  );
}

/** The same weights, seen from the input. */
function transposed(sources: Sources, inputs: number): Sources {
  const back = Array.from({ length: inputs }, (): (readonly [number, number])[] => []);
  for (const [output, list] of sources.entries()) {
    for (const [input, weight] of list) back[input]!.push([output, weight]);
  }
  return back;
}

const entryBytes = 8;

/**
 * The tables of the three axes in one array of words: for each axis where the list of every position begins,
 * in bytes from the table's start, and where the last one ends; then the lists, each entry a source position
 * and a weight.
 */
function tableOf(axes: readonly Sources[]): { words: Int32Array; starts: readonly number[] } {
  const starts: number[] = [];
  let at = 0;
  for (const sources of axes) {
    starts.push(at);
    at += 4 * (sources.length + 1);
  }
  const lists = at;
  const entries = axes.flat(2).length;
  const words = new Int32Array((lists + entryBytes * entries) / 4);
  const floats = new Float32Array(words.buffer);
  for (const [axis, sources] of axes.entries()) {
    for (const [position, list] of sources.entries()) {
      words[starts[axis]! / 4 + position] = at;
      for (const [source, weight] of list) {
        words[at / 4] = source;
        floats[at / 4 + 1] = weight;
        at += entryBytes;
      }
    }
    words[starts[axis]! / 4 + sources.length] = at;
  }
  return { words, starts };
}

/** Words: source, result, table, working rows. An item is a plane of the result. */
function resampleKernel(
  engine: Engine,
  [D, H, W]: readonly [number, number, number],
  [oD, oH, oW]: readonly [number, number, number],
  starts: readonly number[],
): Kernel {
  const rowBytes = workRowBytes(W);
  return engine.kernel(`resample ${[D, H, W, oD, oH, oW]}`, () => ({ locals, begin, end, word, thread }) => {
    const [item, row, z, y, column, entry, target, summed] = locals.locals("i32", 8) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const [source, weight, sum] = [locals.local("i32"), locals.local("v128"), locals.local("f32")];
    const first = (axis: number, position: Local) =>
      i32.add(word(2), i32.load(addressOf(word(2), [position, 4]), starts[axis]!));
    const last = (axis: number, position: Local) =>
      i32.add(word(2), i32.load(addressOf(word(2), [position, 4]), starts[axis]! + 4));
    const plane = locals.local("i32");
    const addRow = loop(
      column,
      i32.const(0),
      i32.const(rowBytes),
      16,
      v128.store(
        i32.add(summed.get, column.get),
        madd(
          v128.load(i32.add(source.get, column.get)),
          weight.get,
          v128.load(i32.add(summed.get, column.get)),
        ),
      ),
    );
    const clear = loop(
      column,
      i32.const(0),
      i32.const(rowBytes),
      16,
      v128.store(i32.add(summed.get, column.get), v128.zero),
    );
    const overEntries = (pointer: Local, axis: number, position: Local, body: readonly number[]) =>
      loop(pointer, first(axis, position), last(axis, position), entryBytes, body);
    return loop(
      item,
      begin,
      end,
      1,
      block(
        summed.set(addressOf(word(3), [thread, rowBytes])),
        plane.set(remainder(item.get, oD)),
        loop(
          row,
          i32.const(0),
          i32.const(oH),
          1,
          block(
            clear,
            overEntries(
              z,
              0,
              plane,
              overEntries(
                y,
                1,
                row,
                block(
                  source.set(addressOf(
                    word(0),
                    [
                      i32.add(
                        i32.mul(
                          i32.add(i32.mul(quotient(item.get, oD), i32.const(D)), i32.load(z.get)),
                          i32.const(H),
                        ),
                        i32.load(y.get),
                      ),
                      4 * W,
                    ],
                  )),
                  weight.set(f32x4.splat(f32.mul(f32.load(z.get, 4), f32.load(y.get, 4)))),
                  addRow,
                ),
              ),
            ),
            target.set(addressOf(word(1), [item, 4 * oH * oW], [row, 4 * oW])),
            loop(
              column,
              i32.const(0),
              i32.const(oW),
              1,
              block(
                sum.set(f32.const(0)),
                overEntries(
                  entry,
                  2,
                  column,
                  sum.set(f32.add(
                    sum.get,
                    f32.mul(
                      f32.load(addressOf(summed.get, [i32.load(entry.get), 4])),
                      f32.load(entry.get, 4),
                    ),
                  )),
                ),
                f32.store(addressOf(target.get, [column, 4]), sum.get),
              ),
            ),
          ),
        ),
      ),
    );
  });
}

/** A row in whole vectors. */
const workRowBytes = (width: number) => 16 * Math.ceil(width / 4);

function resample(engine: Engine, x: CpuArray, out: CpuArray, axes: readonly Sources[]): void {
  const [samples, channels, ...from] = x.shape as [number, number, number, number, number];
  const to = out.shape.slice(2) as [number, number, number];
  const { words, starts } = tableOf(axes);
  engine.withScratch(4 * words.length, (table) => {
    new Int32Array(engine.memory.memory.buffer, table, words.length).set(words);
    engine.withScratch(engine.threads * workRowBytes(from[2]), (rows) => {
      const kernel = resampleKernel(engine, from, to, starts);
      engine.launch(kernel, samples * channels * to[0], [x.address, out.address, table, rows]);
    });
  });
}

/** The resampling kernels. */
export function resamplingKernels(engine: Engine): Pick<CpuKernels, "resize3d" | "resize3dGrad"> {
  return {
    resize3d([x], [out], attributes) {
      const axes = [2, 3, 4].map((axis) => forward(attributes, x!.shape[axis]!, out!.shape[axis]!));
      resample(engine, x!, out!, axes);
    },
    resize3dGrad([g], [out], attributes) {
      const axes = [2, 3, 4].map((axis) => {
        const [inputs, outputs] = [out!.shape[axis]!, g!.shape[axis]!];
        return transposed(forward(attributes, inputs, outputs), inputs);
      });
      resample(engine, g!, out!, axes);
    },
  };
}
