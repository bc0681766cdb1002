/**
 * Resampling and its gradient as one kernel: a result voxel is a weighted sum of source voxels along each
 * axis, whichever the direction. Rows are summed over depth and height first, vector by vector; then the
 * summed row is resampled along its width.
 *
 * @module
 */

import { resizeNeighbours } from "../../ops/resize3d.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { declare, f32, f32x4, i32, type Local, loop, madd, repeat, type Statements } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";

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

type Size = readonly [number, number, number];

/** A row in whole vectors. */
const workRowBytes = (width: number) => 16 * Math.ceil(width / 4);

/** Adds a row times a weight to the row of sums. */
function addRow(sums: Local<"i32">, row: Local<"i32">, weight: Local<"f32x4">, bytes: number): Statements {
  return loop(0, bytes, 16, (at) =>
    f32x4.store(
      sums.add(at),
      madd(f32x4.load(row.add(at)), weight, f32x4.load(sums.add(at))),
    ));
}

/** An item is a plane of the result. */
function resampleKernel(engine: Engine, [D, H, W]: Size, [oD, oH, oW]: Size, starts: readonly number[]) {
  const rowBytes = workRowBytes(W);
  const parameters = { x: "i32", out: "i32", table: "i32", rows: "i32" } as const;
  const key = `resample ${[D, H, W, oD, oH, oW]}`;
  return engine.compile(key, parameters, ({ x, out, table, rows }, { each, thread }) => {
    const { plane, source, target, sums } = declare({
      plane: "i32",
      source: "i32",
      target: "i32",
      sums: "i32",
    });
    const { weight, sum } = declare({ weight: "f32x4", sum: "f32" });
    /** Runs a body for the list of a position along an axis: where an entry has its source, and its weight. */
    const overList = (axis: number, position: Local<"i32">, body: (entry: Local<"i32">) => Statements) => {
      const end = (next: number) => table.add(i32.load(table.add(position.mul(4)), starts[axis]! + next));
      return loop(end(0), end(4), entryBytes, body);
    };
    const sumRows = (item: Local<"i32">, row: Local<"i32">) =>
      overList(0, plane, (z) =>
        overList(1, row, (y) => [
          source.set(x.add(item.div(oD).mul(D).add(i32.load(z)).mul(H).add(i32.load(y)).mul(4 * W))),
          weight.set(f32x4.splat(f32.load(z, 4).mul(f32.load(y, 4)))),
          addRow(sums, source, weight, rowBytes),
        ]));
    return each((item) => [
      sums.set(rows.add(thread.mul(rowBytes))),
      plane.set(item.rem(oD)),
      repeat(oH, (row) => [
        loop(0, rowBytes, 16, (at) => f32x4.store(sums.add(at), 0)),
        sumRows(item, row),
        target.set(out.add(item.mul(4 * oH * oW)).add(row.mul(4 * oW))),
        repeat(oW, (column) => [
          sum.set(0),
          overList(
            2,
            column,
            (entry) => sum.increase(f32.load(sums.add(i32.load(entry).mul(4))).mul(f32.load(entry, 4))),
          ),
          f32.store(target.add(column.mul(4)), sum),
        ]),
      ]),
    ]);
  });
}

function resample(engine: Engine, x: CpuArray, out: CpuArray, axes: readonly Sources[]): void {
  const [samples, channels, ...from] = x.shape as [number, number, number, number, number];
  const to = out.shape.slice(2) as [number, number, number];
  const { words, starts } = tableOf(axes);
  const bytes = { table: 4 * words.length, rows: engine.threads * workRowBytes(from[2]) };
  engine.scratch(bytes, ({ table, rows }) => {
    engine.view(Int32Array, table, words.length).set(words);
    const kernel = resampleKernel(engine, from, to, starts);
    engine.run(kernel, samples * channels * to[0], { x, out, table, rows });
  });
}

/** The resampling kernels. */
export function resize3dKernels(engine: Engine): Pick<CpuKernels, "resize3d" | "resize3dGrad"> {
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
