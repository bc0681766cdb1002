/**
 * Sum, mean, largest and smallest element over any axes.
 *
 * @module
 */

import type { ComputeType } from "../../ops/promotion.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import { mergeAxes, ravel, unravel } from "../indexing.ts";
import type { Call, Kernel } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

type Reduce = KernelAttributes<"sum">;

/** Rows, row length, and the function from a row and a position in it to the element's index. */
function rowsOf(call: Call<Reduce>): { rows: number; length: number; code: string } {
  const { shape } = call.inputs[0]!;
  const { axes } = call.attributes;
  const strides = stridesOf(shape);
  const part = (reduced: boolean) => {
    const chosen = shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === reduced);
    return mergeAxes({
      shape: chosen.map((axis) => shape[axis]!),
      strides: [chosen.map((axis) => strides[axis]!)],
    });
  };
  const [kept, reduced] = [part(false), part(true)];
  const code = `fn place(row: u32, k: u32) -> u32 {
  ${unravel("row", kept.shape, "p")} ${unravel("k", reduced.shape, "q")}
  return ${ravel("p", kept.strides[0]!)} + ${ravel("q", reduced.strides[0]!)};
}`;
  return { rows: sizeOf(kept.shape), length: sizeOf(reduced.shape), code };
}

function total(divide: boolean): Kernel<Reduce> {
  return {
    steps: (call) => {
      const { rows, length, code } = rowsOf(call);
      const dtype = call.inputs[0]!.dtype;
      const result = divide ? (dtype === "f32" ? `acc.sum / ${length}.0` : `acc.sum / ${length}`) : "acc.sum";
      return reductionSteps(call, {
        label: divide ? "mean" : "sum",
        rows,
        length,
        fields: { sum: dtype },
        identity: "Acc()",
        reads: { x: call.input(0) },
        writes: { out: call.output(0) },
        code,
        element: `return Acc(x_at(place(row, k)));`,
        combine: `return Acc(a.sum + b.sum);`,
        store: `set_out(row, ${result});`,
        ...(!divide && dtype === "f32" && { sumOnly: call.output(0) }),
      });
    },
  };
}

/** Sum. */
export const sum = total(false);

/** Mean. */
export const mean = total(true);

/** NaN is found in the bits: WGSL lets a comparison assume that there is none. */
export const isNan =
  `fn is_nan(value: f32) -> bool { return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u; }`;

/** Largest or smallest element and its position; the first at a tie; a NaN beats everything. */
function extremum(beats: ">" | "<"): Kernel<Reduce> {
  return {
    steps: (call) => {
      const { rows, length, code } = rowsOf(call);
      const dtype = call.inputs[0]!.dtype;
      return reductionSteps(call, {
        label: "extremum",
        rows,
        length,
        fields: { value: dtype, at: "i32" },
        identity: `Acc(${dtype}(), -1)`,
        reads: { x: call.input(0) },
        writes: { out: call.output(0), position: call.output(1) },
        code: `${code}\n${isNan}\n${firstOf(beats, dtype)}`,
        element: `return Acc(x_at(place(row, k)), i32(k));`,
        combine: `return first_of(a, b);`,
        store: `set_out(row, acc.value); set_position(row, acc.at);`,
      });
    },
  };
}

/** `first_of(a, b)`: the accumulator whose value wins. Position −1 means none yet. */
export function firstOf(beats: ">" | "<", dtype: ComputeType): string {
  const nan = dtype === "f32"
    ? `let an = is_nan(a.value); let bn = is_nan(b.value);
  if (an != bn) { if (an) { return a; } return b; }
  if (an) { if (a.at < b.at) { return a; } return b; }`
    : "";
  return `fn first_of(a: Acc, b: Acc) -> Acc {
  if (a.at < 0) { return b; }
  if (b.at < 0) { return a; }
  ${nan}
  if (b.value ${beats} a.value || (b.value == a.value && b.at < a.at)) { return b; }
  return a;
}`;
}

/** Largest element. */
export const max = extremum(">");

/** Smallest element. */
export const min = extremum("<");

/** Gradient of both: each element looks whether it is the recorded one of its block. */
export const extremumGrad: Kernel<KernelAttributes<"extremumGrad">> = {
  steps: (call) => {
    const { axes, shape } = call.attributes;
    const kept = stridesOf(shape.map((n, axis) => axes.includes(axis) ? 1 : n))
      .map((stride, axis) => axes.includes(axis) ? 0 : stride);
    const reducedStrides = stridesOf(axes.map((axis) => shape[axis]!));
    const reduced = shape.map((_, axis) => axes.includes(axis) ? reducedStrides[axes.indexOf(axis)]! : 0);
    return [{
      label: "extremumGrad",
      reads: { g: call.input(0), position: call.input(1) },
      writes: { out: call.output(0) },
      threads: sizeOf(shape),
      body: `${unravel("i", shape, "p")}
  let row = ${ravel("p", kept)};
  set_out(i, select(0.0, g_at(row), position_at(row) == i32(${ravel("p", reduced)})));`,
    }];
  },
};
