/**
 * Copies between strided arrays: permute, slice, pad, concat, split, flip, expand, cast.
 *
 * @module
 */

import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { broadcastStrides } from "../../strides.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { layoutKernels as referenceLayout } from "../reference/layout.ts";
import { declare, f32x4, i32, i32x4, loop, procedure } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether, type Work } from "./joint_launch.ts";
import { itemBytes, itemsIn, overRun, piece } from "./runs.ts";
import { joinRows, placeOf } from "./strides.ts";

/** Elements of a row that one item copies: the first that divides the row, so that large copies have many items. */
const rowLengths = [16384, 8192, 4096];

/** Copies of one launch: with more, an item takes long to find which is its own. */
const mostTogether = 8;

/** An array seen in some order: its address and the steps of its axes, in elements. */
interface View {
  readonly address: number;
  readonly strides: readonly number[];
}

/** Copies a row of elements that are `fromStep` and `toStep` apart. */
function rowCopy(length: number, [fromStep, toStep]: readonly [number, number]) {
  const whole = toStep === 1 && (fromStep === 1 || fromStep === 0) ? length - length % 4 : 0;
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const advance = (bytes: number) => [from.increase(bytes * fromStep), to.increase(bytes * toStep)];
    const vector = fromStep === 1 ? f32x4.load(from) : f32x4.loadSplat(from);
    return [
      loop(0, whole, 4, () => [f32x4.store(to, vector), advance(16)]),
      loop(whole, length, 1, () => [i32.store(to, i32.load(from)), advance(4)]),
    ];
  });
}

/** The copying of the elements of one view to those of another of the same shape. An item is a row. */
function copyWork(shape: Shape, from: View, to: View): Work {
  const { sizes, steps } = joinRows(shape, [from.strides, to.strides]);
  const length = rowLengths.find((n) => sizes[0]! % n === 0) ?? sizes[0]!;
  const isCut = length < sizes[0]!;
  const axes = isCut ? [length, sizes[0]! / length, ...sizes.slice(1)] : sizes;
  const moves = isCut ? [steps[0]!, steps[0]!.map((step) => step * length), ...steps.slice(1)] : steps;
  const outer = (view: number) => axes.slice(1).map((size, i) => ({ size, step: moves[i + 1]![view]! }));
  return {
    key: `copy ${axes} ${moves.join(" ")}`,
    items: sizeOf(axes.slice(1)),
    from: from.address,
    to: to.address,
    code(arrays) {
      const row = rowCopy(axes[0]!, moves[0] as [number, number]);
      return (item) =>
        row({ from: placeOf(arrays.from, item, outer(0)), to: placeOf(arrays.to, item, outer(1)) });
    },
  };
}

function copy(engine: Engine, shape: Shape, from: View, to: View): void {
  if (!shape.includes(0)) runTogether(engine, [copyWork(shape, from, to)]);
}

/** Copies parts of an array, which lie in it one after the other along an axis, out of it or into it. */
function copyParts(
  engine: Engine,
  parts: readonly CpuArray[],
  all: CpuArray,
  axis: number,
  to: "parts" | "whole",
): void {
  let start = 0;
  const works: Work[] = [];
  for (const part of parts) {
    const inside = boxIn(all, part.shape.map((_, at) => at === axis ? start : 0));
    start += part.shape[axis]!;
    if (part.shape.includes(0)) continue;
    const [source, target] = to === "parts" ? [inside, whole(part)] : [whole(part), inside];
    works.push(copyWork(part.shape, source, target));
  }
  for (let i = 0; i < works.length; i += mostTogether) runTogether(engine, works.slice(i, i + mostTogether));
}

/** Sets all elements. */
function fill(engine: Engine, out: CpuArray, value: number): void {
  const parameters = { out: "i32", length: "i32", bits: "i32" } as const;
  const kernel = engine.compile("fill", parameters, ({ out, length, bits }, { each }) => {
    const { vector } = declare({ vector: "f32x4" });
    return [
      vector.set(i32x4.splat(bits).asFloat()),
      each((item) =>
        piece(
          item,
          { bytes: itemBytes, total: length.mul(4) },
          (from, end) => overRun(from, end, (at, { store }) => store(out.add(at), vector), 2),
        )
      ),
    ];
  });
  const length = sizeOf(out.shape);
  const [bits] = out.dtype === "i32" ? [value] : new Int32Array(Float32Array.of(value).buffer);
  engine.run(kernel, itemsIn(length), { out, length, bits: bits! });
}

/** Integers to floats, or floats to integers: toward zero, as far as they reach, NaN to 0. */
function castKernel(engine: Engine, to: "f32" | "i32") {
  const parameters = { x: "i32", out: "i32", length: "i32" } as const;
  return engine.compile(
    `cast ${to}`,
    parameters,
    ({ x, out, length }, { each }) =>
      each((item) =>
        piece(
          item,
          { bytes: itemBytes, total: length.mul(4) },
          (from, end) =>
            overRun(from, end, (at, { load, store }) => {
              const value = load(x.add(at));
              return store(out.add(at), to === "i32" ? value.toInteger().asFloat() : value.bits().toFloat());
            }, 2),
        )
      ),
  );
}

/** The view of a box of a dense array. */
function boxIn({ address, shape }: CpuArray, starts: readonly number[]): View {
  const strides = stridesOf(shape);
  const offset = starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  return { address: address + 4 * offset, strides };
}

const whole = (array: CpuArray): View => ({ address: array.address, strides: stridesOf(array.shape) });

/** The layout kernels. */
export function layoutKernels(
  engine: Engine,
): Pick<
  CpuKernels,
  "permute" | "slice" | "pad" | "concat" | "split" | "flip" | "expand" | "cast"
> {
  return {
    ...referenceLayout,
    cast([x], [out], attributes) {
      const { dtype } = attributes;
      const isChange = (x!.dtype === "i32") !== (dtype === "i32");
      if (!isChange || dtype === "f16") return referenceLayout.cast([x!], [out!], attributes);
      const length = sizeOf(x!.shape);
      engine.run(castKernel(engine, dtype), itemsIn(length), { x: x!, out: out!, length });
    },
    permute([x], [out], { axes }) {
      const strides = stridesOf(x!.shape);
      const from = { address: x!.address, strides: axes.map((axis) => strides[axis]!) };
      copy(engine, out!.shape, from, whole(out!));
    },
    slice([x], [out], { starts }) {
      copy(engine, out!.shape, boxIn(x!, starts), whole(out!));
    },
    pad([x], [out], { before, value }) {
      fill(engine, out!, value);
      copy(engine, x!.shape, whole(x!), boxIn(out!, before));
    },
    concat: (inputs, [out], { axis }) => copyParts(engine, inputs, out!, axis, "whole"),
    split: ([g], parts, { axis }) => copyParts(engine, parts, g!, axis, "parts"),
    flip([x], [out], { axes }) {
      const strides = stridesOf(x!.shape);
      const last = x!.shape.map((n, axis) => axes.includes(axis) ? n - 1 : 0);
      copy(engine, x!.shape, {
        address: boxIn(x!, last).address,
        strides: strides.map((step, axis) => axes.includes(axis) ? -step : step),
      }, whole(out!));
    },
    expand([x], [out]) {
      copy(
        engine,
        out!.shape,
        { address: x!.address, strides: broadcastStrides(x!.shape, out!.shape) },
        whole(out!),
      );
    },
  };
}
