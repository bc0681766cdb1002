/**
 * Sums and means over any axes; `extremum.ts` has the largest and smallest elements.
 *
 * @module
 */

import type { ReduceAttributes } from "../../ops/reduce.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import type { JoinedAxes } from "../../strides.ts";
import type { CpuArray, CpuKernel, CpuKernels } from "../kernel.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  f64,
  type Local,
  loop,
  repeat,
  type Statements,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { extremum } from "./extremum.ts";
import { overRun, piece, sumOfRun } from "./runs.ts";
import { axesWhere, type Axis, isReduced, joinRows, placeOf } from "./strides.ts";

/** Elements of a row that are summed at once. */
const segment = 65536;
/** Results that keep many threads busy, one item each. */
const manyResults = 16;
/** Neighbouring sums of a work item. */
const columns = 4096;

/** Joined axes of the input, innermost first; the second step of reduced axes is 0. */
function joinedAxes({ shape }: CpuArray, axes: readonly number[]): JoinedAxes {
  const strides = stridesOf(shape);
  return joinRows(shape, [strides, strides.map((step, axis) => axes.includes(axis) ? 0 : step)]);
}

/** How the rows that one sum takes together are cut: each of `repeats` rows into `segments`. */
interface Cut {
  readonly segments: number;
  readonly repeats: number;
}

/** Sums one part of a result. */
function sumPart(joined: JoinedAxes, { segments }: Cut) {
  const [row, ...outer] = axesWhere(joined, "reduced") as [Axis, ...Axis[]];
  const { index, start } = declare({ index: "i32", start: "i32" });
  return (
    x: Local<"i32">,
    [result, part]: readonly [Code<"i32">, Code<"i32">],
    body: (sum: Code<"f64">) => Statements,
  ): Statements => [
    index.set(part.div(segments)),
    start.set(placeOf(x, index, outer)),
    index.set(result),
    start.set(placeOf(start, index, axesWhere(joined, "kept"))),
    piece(
      part.rem(segments),
      { bytes: 4 * segment, total: 4 * row.size },
      (from, to) => body(sumOfRun({ address: start.add(from), bytes: to.sub(from) })),
    ),
  ];
}

/** An item is a part of a result. */
function partsKernel(engine: Engine, joined: JoinedAxes, cut: Cut) {
  const key = `sum parts ${joined.sizes} ${joined.steps}`;
  const parts = cut.segments * cut.repeats;
  return engine.compile(key, { x: "i32", sums: "i32" }, ({ x, sums }, { each }) => {
    const add = sumPart(joined, cut);
    return each((item) =>
      add(x, [item.div(parts), item.rem(parts)], (sum) => f64.store(sums.add(item.mul(8)), sum))
    );
  });
}

/** An item is a result. */
function rowsKernel(engine: Engine, joined: JoinedAxes, cut: Cut) {
  const key = `sum rows ${joined.sizes} ${joined.steps}`;
  const parameters = { x: "i32", out: "i32", scale: "f32" } as const;
  return engine.compile(key, parameters, ({ x, out, scale }, { each }) => {
    const add = sumPart(joined, cut);
    const { total } = declare({ total: "f64" });
    return each((item) => [
      total.set(0),
      repeat(cut.segments * cut.repeats, (part) => add(x, [item, part], (sum) => total.increase(sum))),
      f32.store(out.add(item.mul(4)), total.mul(scale.promote()).demote()),
    ]);
  });
}

/** Adds up the float64 parts of each sum. */
function addPartsKernel(engine: Engine) {
  const parameters = { sums: "i32", out: "i32", parts: "i32", scale: "f32" } as const;
  return engine.compile("add up", parameters, ({ sums, out, parts, scale }, { each }) => {
    const { from, total } = declare({ from: "i32", total: "f64" });
    return each((item) => [
      from.set(sums.add(item.mul(parts.mul(8)))),
      total.set(0),
      loop(0, parts.mul(8), 8, (at) => total.increase(f64.load(from.add(at)))),
      f32.store(out.add(item.mul(4)), total.mul(scale.promote()).demote()),
    ]);
  });
}

function reduceRows(engine: Engine, x: CpuArray, out: CpuArray, joined: JoinedAxes, scale: number): void {
  const results = sizeOf(out.shape);
  const [row, segments] = [joined.sizes[0]!, Math.ceil(joined.sizes[0]! / segment)];
  const repeats = sizeOf(x.shape) / (results * row);
  const parts = segments * repeats;
  const cut = { segments, repeats };
  // One launch where that leaves work for many threads, or where there is nothing to share.
  if (parts === 1 || results >= manyResults) {
    engine.run(rowsKernel(engine, joined, cut), results, { x, out, scale });
    return;
  }
  engine.scratch({ sums: 8 * parts * results }, ({ sums }) => {
    engine.run(partsKernel(engine, joined, cut), parts * results, { x, sums });
    engine.run(addPartsKernel(engine), results, { sums, out, parts, scale });
  });
}

/** Sums over outer axes, vector by vector. An item is a run of results. */
function columnsKernel(engine: Engine, joined: JoinedAxes, repeats: number) {
  const parameters = { x: "i32", out: "i32", scale: "f32" } as const;
  const key = `sum columns ${joined.sizes} ${joined.steps}`;
  return engine.compile(key, parameters, ({ x, out, scale }, { each }) => {
    const [row, ...outer] = axesWhere(joined, "kept") as [Axis, ...Axis[]];
    const reduced = axesWhere(joined, "reduced");
    const runs = Math.ceil(row.size / columns);
    const { index, start, target } = declare({ index: "i32", start: "i32", target: "i32" });
    const { sum, factor } = declare({ sum: "f32x4", factor: "f32x4" });
    return [
      factor.set(f32x4.splat(scale)),
      each((item) => [
        index.set(item.div(runs)),
        start.set(placeOf(x, index, outer)),
        target.set(out.add(index.mul(4 * row.size))),
        piece(
          item.rem(runs),
          { bytes: 4 * columns, total: 4 * row.size },
          (from, to) =>
            overRun(from, to, (at, { load, store }) => [
              sum.set(0),
              repeat(repeats, (r) => sum.increase(load(placeOf(start.add(at), r, reduced)))),
              store(target.add(at), sum.mul(factor)),
            ]),
        ),
      ]),
    ];
  });
}

function reduceColumns(engine: Engine, x: CpuArray, out: CpuArray, joined: JoinedAxes, scale: number): void {
  const [row, results] = [joined.sizes[0]!, sizeOf(out.shape)];
  const kernel = columnsKernel(engine, joined, sizeOf(x.shape) / results);
  engine.run(kernel, Math.ceil(row / columns) * results / row, { x, out, scale });
}

/** The kernels of reductions. */
export function reduceKernels(engine: Engine): Pick<CpuKernels, "sum" | "mean" | "max" | "min"> {
  const reduce = (x: CpuArray, out: CpuArray, { axes }: ReduceAttributes, scale: number): void => {
    if (sizeOf(out.shape) === 0) return;
    if (sizeOf(x.shape) === 0) {
      out.data.fill(0);
      return;
    }
    const joined = joinedAxes(x, axes);
    (isReduced(joined, 0) ? reduceRows : reduceColumns)(engine, x, out, joined, scale);
  };
  const find = (name: "max" | "min"): CpuKernel<ReduceAttributes> => ([x], [out, positions], { axes }) => {
    if (sizeOf(out!.shape) === 0) return;
    extremum(engine, name, joinedAxes(x!, axes), { x: x!, out: out!, positions: positions! });
  };
  return {
    sum: ([x], [out], attributes) => reduce(x!, out!, attributes, 1),
    max: find("max"),
    min: find("min"),
    mean: ([x], [out], attributes) => reduce(x!, out!, attributes, sizeOf(out!.shape) / sizeOf(x!.shape)),
  };
}
