/**
 * Kernels that move elements: each thread fetches one element of the result.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import { broadcastWalk, mergeAxes, ravel, unravel } from "../indexing.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
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

/** Joins tensors: each element of the result finds its input; several steps where not all inputs can be bound. */
export const concat: Kernel<KernelAttributes<"concat">> = {
  steps: (call) => {
    const { axis } = call.attributes;
    const out = call.outputs[0]!.shape;
    const inner = sizeOf(out.slice(axis + 1)), line = out[axis]! * inner;
    let start = 0;
    const parts = call.inputs.map(({ shape }, at) => {
      const run = shape[axis]! * inner, first = start;
      start += run;
      return { x: call.input(at), run, first };
    });
    return cutList(call, parts.map(({ x }) => [x]), call.bindingsOf(call.output(0))).map((list) => {
      const members = list.map(([x]) => parts[x!.at]!);
      const first = members[0]!.first, length = members.reduce((sum, { run }) => sum + run, 0);
      const pick = members.map(({ run, first: from }, k) =>
        `if (at < ${from - first + run}u) { set_out(to, x${k}_at(row * ${run}u + at - ${from - first}u)); }`
      ).join("\n  else ");
      return {
        label: "concat",
        reads: Object.fromEntries(members.map(({ x }, k) => [`x${k}`, x])),
        writes: { out: call.output(0) },
        threads: sizeOf(out) / line * length,
        body: `
  let row = i / ${length}u;
  let at = i % ${length}u;
  let to = row * ${line}u + ${first}u + at;
  ${pick}`,
      };
    });
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
