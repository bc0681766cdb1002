/**
 * Kernels that move elements: each thread fetches one element of the result.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { broadcastWalk, mergeAxes, ravel, unravel } from "../indexing.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";
import { cutList } from "./tensor_list.ts";

function fetch(call: Call<unknown>, body: string): Step {
  return {
    label: "fetch",
    reads: { x: call.input(0) },
    writes: { out: call.output(0) },
    threads: sizeOf(call.outputs[0]!.shape),
    body,
  };
}

/** Repeats axes of size 1. */
export const expand: Kernel<KernelAttributes<"expand">> = {
  steps: (call) => {
    const { shape, strides: [own] } = broadcastWalk(call.outputs[0]!.shape, [call.inputs[0]!.shape]);
    return [fetch(call, `${unravel("i", shape, "p")} set_out(i, x_at(${ravel("p", own!)}));`)];
  },
};

/** Reorders axes. */
export const permute: Kernel<KernelAttributes<"permute">> = {
  steps: (call) => {
    const from = stridesOf(call.inputs[0]!.shape);
    const { shape, strides: [own] } = mergeAxes({
      shape: call.outputs[0]!.shape,
      strides: [call.attributes.axes.map((axis) => from[axis]!)],
    });
    return [fetch(call, `${unravel("i", shape, "p")} set_out(i, x_at(${ravel("p", own!)}));`)];
  },
};

/** A box of a tensor. */
export const slice: Kernel<KernelAttributes<"slice">> = {
  steps: (call) => {
    const from = stridesOf(call.inputs[0]!.shape);
    const start = call.attributes.starts.reduce((sum, at, axis) => sum + at * from[axis]!, 0);
    const { shape, strides: [own] } = mergeAxes({ shape: call.outputs[0]!.shape, strides: [from] });
    return [fetch(call, `${unravel("i", shape, "p")} set_out(i, x_at(${start}u + ${ravel("p", own!)}));`)];
  },
};

/** A constant border. */
export const pad: Kernel<KernelAttributes<"pad">> = {
  varying: ["value"],
  scalars: ({ value }) => ({ value }),
  steps: (call) => {
    const { shape } = call.inputs[0]!;
    const { before } = call.attributes;
    const inside = shape.map((n, axis) => `p${axis} >= ${before[axis]}u && p${axis} < ${before[axis]! + n}u`);
    const at = shape.map((_, axis) => `let q${axis} = p${axis} - ${before[axis]}u;`).join(" ");
    const value = call.inputs[0]!.dtype === "i32" ? "i32(scalars.value)" : "scalars.value";
    return [fetch(
      call,
      `${unravel("i", call.outputs[0]!.shape, "p")}
  if (${inside.join(" && ") || "true"}) { ${at} set_out(i, x_at(${ravel("q", stridesOf(shape))})); }
  else { set_out(i, ${value}); }`,
    )];
  },
};

/** Parts `x0`, `x1`, … that lie one after the other along an axis of an array `all`. */
interface Parts {
  readonly all: Bound;
  readonly shape: Shape;
  readonly axis: number;
  readonly parts: readonly { readonly array: Bound; readonly size: number }[];
}

/**
 * Each element of the array finds its part; several steps where not all parts can be bound.
 *
 * @param move WGSL that moves the element at `all` in the array from or to the element at `own` of part k
 */
function overParts(
  call: Call<unknown>,
  { all, shape, axis, parts }: Parts,
  step: (named: Readonly<Record<string, Bound>>) => Pick<Step, "label" | "reads" | "writes">,
  move: (k: number, all: string, own: string) => string,
): Step[] {
  const inner = sizeOf(shape.slice(axis + 1)), line = shape[axis]! * inner;
  let start = 0;
  const placed = parts.map(({ array, size }) => {
    const run = size * inner, first = start;
    start += run;
    return { array, run, first };
  });
  return cutList(call, placed.map(({ array }) => [array]), call.bindingsOf(all)).map((list) => {
    const members = list.map(([array]) => placed[array!.at]!);
    const first = members[0]!.first, length = members.reduce((sum, { run }) => sum + run, 0);
    const pick = members.map(({ run, first: from }, k) =>
      `if (at < ${from - first + run}u) { ${move(k, "place", `row * ${run}u + at - ${from - first}u`)} }`
    ).join("\n  else ");
    return {
      ...step(Object.fromEntries(members.map(({ array }, k) => [`x${k}`, array]))),
      threads: sizeOf(shape) / line * length,
      body: `
  let row = i / ${length}u;
  let at = i % ${length}u;
  let place = row * ${line}u + ${first}u + at;
  ${pick}`,
    };
  });
}

/** Joins tensors. */
export const concat: Kernel<KernelAttributes<"concat">> = {
  steps: (call) => {
    const { axis } = call.attributes, all = call.output(0), { shape } = call.outputs[0]!;
    const parts = call.inputs.map((x, at) => ({ array: call.input(at), size: x.shape[axis]! }));
    return overParts(
      call,
      { all, shape, axis, parts },
      (reads) => ({ label: "concat", reads, writes: { all } }),
      (k, to, from) => `set_all(${to}, x${k}_at(${from}));`,
    );
  },
};

/** Takes a tensor apart. */
export const split: Kernel<KernelAttributes<"split">> = {
  steps: (call) => {
    const { axis, sizes } = call.attributes, all = call.input(0), { shape } = call.inputs[0]!;
    const parts = sizes.map((size, at) => ({ array: call.output(at), size }));
    return overParts(
      call,
      { all, shape, axis, parts },
      (writes) => ({ label: "split", reads: { all }, writes }),
      (k, from, to) => `set_x${k}(${to}, all_at(${from}));`,
    );
  },
};

/** Reverses axes. */
export const flip: Kernel<KernelAttributes<"flip">> = {
  steps: (call) => {
    const { shape } = call.inputs[0]!;
    const turned = shape.map((n, axis) =>
      call.attributes.axes.includes(axis)
        ? `let q${axis} = ${n - 1}u - p${axis};`
        : `let q${axis} = p${axis};`
    ).join(" ");
    return [fetch(
      call,
      `${unravel("i", shape, "p")} ${turned} set_out(i, x_at(${ravel("q", stridesOf(shape))}));`,
    )];
  },
};

/** Converts the element type. */
export const cast: Kernel<KernelAttributes<"cast">> = {
  steps: (call) => [{ ...fetch(call, `set_out(i, ${call.outputs[0]!.dtype}(x_at(i)));`), counted: true }],
};
