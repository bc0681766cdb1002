/**
 * Sums and means over any axes.
 *
 * @module
 */

import type { ReduceAttributes } from "../../ops/reduce.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { declare, f32, f32x4, f64, loop, repeat } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun, piece, sumOfRun } from "./runs.ts";
import { type Axis, joinAxes, placeOf } from "./strides.ts";

/** Elements of a row that are summed at once. */
const segment = 65536;
/** Neighbouring sums of a work item. */
const columns = 4096;

/** Joined axes of the input, innermost first. */
interface Axes {
  readonly kept: readonly Axis[];
  readonly reduced: readonly Axis[];
  /** Whether the innermost axis is reduced. */
  readonly isInnerReduced: boolean;
}

function axesOf({ shape }: CpuArray, axes: readonly number[]): Axes {
  const strides = stridesOf(shape);
  // A second view in which reduced axes do not move: only axes of a kind are joined.
  const inResult = strides.map((step, axis) => axes.includes(axis) ? 0 : step);
  const { sizes, steps } = joinAxes(shape, [strides, inResult]);
  const all = sizes.map((size, i) => ({ size, step: steps[i]![0]!, isReduced: steps[i]![1] === 0 }));
  return {
    kept: all.filter(({ isReduced }) => !isReduced),
    reduced: all.filter(({ isReduced }) => isReduced),
    isInnerReduced: all[0]!.isReduced,
  };
}

const countOf = (axes: readonly Axis[]): number => axes.reduce((count, { size }) => count * size, 1);
const keyOf = ({ kept, reduced }: Axes): string =>
  [kept, reduced].map((axes) => axes.map(({ size, step }) => `${size}:${step}`)).join(" ");

/** Sums over rows that are reduced whole. An item is a segment of a row. */
function segmentsKernel(engine: Engine, axes: Axes) {
  const [row, ...outer] = axes.reduced as [Axis, ...Axis[]];
  const [segments, repeats] = [Math.ceil(row.size / segment), countOf(outer)];
  return engine.compile(`sum rows ${keyOf(axes)}`, { x: "i32", sums: "i32" }, ({ x, sums }, { each }) => {
    const { index, start } = declare({ index: "i32", start: "i32" });
    return each((item) => [
      index.set(item.div(segments).rem(repeats)),
      start.set(placeOf(x, index, outer)),
      index.set(item.div(segments * repeats)),
      start.set(placeOf(start, index, axes.kept)),
      piece(
        item.rem(segments),
        { bytes: 4 * segment, total: 4 * row.size },
        (from, to) =>
          f64.store(sums.add(item.mul(8)), sumOfRun({ address: start.add(from), bytes: to.sub(from) })),
      ),
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

function reduceRows(engine: Engine, x: CpuArray, out: CpuArray, axes: Axes, scale: number): void {
  const [row, ...outer] = axes.reduced as [Axis, ...Axis[]];
  const parts = Math.ceil(row.size / segment) * countOf(outer);
  const results = sizeOf(out.shape);
  engine.scratch({ sums: 8 * parts * results }, ({ sums }) => {
    engine.run(segmentsKernel(engine, axes), parts * results, { x, sums });
    engine.run(addPartsKernel(engine), results, { sums, out, parts, scale });
  });
}

/** Sums over outer axes, vector by vector. An item is a run of results. */
function columnsKernel(engine: Engine, axes: Axes) {
  const [row, ...outer] = axes.kept as [Axis, ...Axis[]];
  const runs = Math.ceil(row.size / columns);
  const parameters = { x: "i32", out: "i32", scale: "f32" } as const;
  return engine.compile(`sum columns ${keyOf(axes)}`, parameters, ({ x, out, scale }, { each }) => {
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
              repeat(
                countOf(axes.reduced),
                (r) => sum.increase(load(placeOf(start.add(at), r, axes.reduced))),
              ),
              store(target.add(at), sum.mul(factor)),
            ]),
        ),
      ]),
    ];
  });
}

function reduceColumns(engine: Engine, x: CpuArray, out: CpuArray, axes: Axes, scale: number): void {
  const row = axes.kept[0]!.size;
  const items = Math.ceil(row / columns) * sizeOf(out.shape) / row;
  engine.run(columnsKernel(engine, axes), items, { x, out, scale });
}

/** The kernels of sums. */
export function reductionKernels(engine: Engine): Pick<CpuKernels, "sum" | "mean"> {
  const reduce = (x: CpuArray, out: CpuArray, { axes }: ReduceAttributes, scale: number): void => {
    if (sizeOf(out.shape) === 0) return;
    if (sizeOf(x.shape) === 0) {
      out.data.fill(0);
      return;
    }
    const joined = axesOf(x, axes);
    (joined.isInnerReduced ? reduceRows : reduceColumns)(engine, x, out, joined, scale);
  };
  return {
    sum: ([x], [out], attributes) => reduce(x!, out!, attributes, 1),
    mean: ([x], [out], attributes) => reduce(x!, out!, attributes, sizeOf(out!.shape) / sizeOf(x!.shape)),
  };
}
