/**
 * 3D convolution, its gradients and transposed convolution.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { ravel, unravel } from "../indexing.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

const axes = [0, 1, 2] as const;

/** Convolution. */
export const conv3d: Kernel<KernelAttributes<"conv3d">> = {
  steps: (call) => {
    const { stride, padding, dilation, groups } = call.attributes;
    const [x, w] = [call.inputs[0]!.shape, call.inputs[1]!.shape];
    const out = call.outputs[0]!.shape;
    const xs = stridesOf(x);
    const ws = stridesOf(w);
    const bias = call.inputs.length > 2;
    const at = axes.map((a) =>
      `let q${a + 2} = p${a + 2} * ${stride[a]}u + t${a} * ${dilation[a]}u - ${padding[a]}u;`
    ).join(" ");
    return [{
      label: "conv3d",
      reads: { x: call.input(0), w: call.input(1), ...(bias ? { bias: call.input(2) } : {}) },
      writes: { out: call.output(0) },
      threads: sizeOf(out),
      body: `${unravel("i", out, "p")}
  let c0 = (p1 / ${w[0]! / groups}u) * ${w[1]}u;
  var acc = ${bias ? "bias_at(p1)" : "0.0"};
  for (var c = 0u; c < ${w[1]}u; c++) {
    ${
        overTaps(
          w,
          `${at} if (q2 >= ${x[2]}u || q3 >= ${x[3]}u || q4 >= ${x[4]}u) { continue; }
    acc += x_at(p0 * ${xs[0]}u + (c0 + c) * ${xs[1]}u + q2 * ${xs[2]}u + q3 * ${xs[3]}u + q4) *
      w_at(p1 * ${ws[0]}u + c * ${ws[1]}u + t0 * ${ws[2]}u + t1 * ${ws[3]}u + t2);`,
        )
      }
  }
  set_out(i, acc);`,
    }];
  },
};

/** Loops over the taps t0, t1, t2 of a kernel. */
function overTaps(w: Shape, body: string): string {
  return axes.map((a) => `for (var t${a} = 0u; t${a} < ${w[a + 2]}u; t${a}++) {`).join(" ") + body + " } } }";
}

/** What conv3dInputGrad and convTranspose3d have in common: each output gathers the inputs that reach it. */
function transposed(call: Call<ConvAttributes>): Step {
  const { stride, padding, dilation, groups } = call.attributes;
  const [x, w] = [call.inputs[0]!.shape, call.inputs[1]!.shape];
  const out = call.outputs[0]!.shape;
  const xs = stridesOf(x);
  const ws = stridesOf(w);
  const bias = call.inputs.length > 2;
  const perGroup = w[0]! / groups;
  const at = axes.map((a) =>
    `let r${a} = p${a + 2} + ${padding[a]}u - t${a} * ${dilation[a]}u; let q${a + 2} = r${a} / ${stride[a]}u;`
  ).join(" ");
  const whole = axes.flatMap((a) => stride[a] === 1 ? [] : [`r${a} % ${stride[a]}u != 0u`]);
  const outside = axes.map((a) => `q${a + 2} >= ${x[a + 2]}u`);
  return {
    label: "transposed convolution",
    reads: { x: call.input(0), w: call.input(1), ...(bias ? { bias: call.input(2) } : {}) },
    writes: { out: call.output(0) },
    threads: sizeOf(out),
    body: `${unravel("i", out, "p")}
  let group = p1 / ${w[1]}u;
  let c1 = p1 % ${w[1]}u;
  var acc = ${bias ? "bias_at(p1)" : "0.0"};
  for (var c = group * ${perGroup}u; c < (group + 1u) * ${perGroup}u; c++) {
    ${
      overTaps(
        w,
        `${at} if (${[...outside, ...whole].join(" || ")}) { continue; }
    acc += x_at(p0 * ${xs[0]}u + c * ${xs[1]}u + q2 * ${xs[2]}u + q3 * ${xs[3]}u + q4) *
      w_at(c * ${ws[0]}u + c1 * ${ws[1]}u + t0 * ${ws[2]}u + t1 * ${ws[3]}u + t2);`,
      )
    }
  }
  set_out(i, acc);`,
  };
}

/** Gradient for the input. */
export const conv3dInputGrad: Kernel<KernelAttributes<"conv3dInputGrad">> = {
  steps: (call) => [transposed(call)],
};

/** Transposed convolution. */
export const convTranspose3d: Kernel<KernelAttributes<"convTranspose3d">> = {
  steps: (call) => [transposed(call)],
};

/** Gradient for the weight: each weight is a reduction over samples and output voxels. */
export const conv3dWeightGrad: Kernel<KernelAttributes<"conv3dWeightGrad">> = {
  steps: (call) => {
    const { stride, padding, dilation, groups } = call.attributes;
    const [x, g] = [call.inputs[0]!.shape, call.inputs[1]!.shape];
    const w = call.outputs[0]!.shape;
    const xs = stridesOf(x);
    const gs = stridesOf(g);
    const at = axes.map((a) =>
      `let q${a + 2} = v${a + 1} * ${stride[a]}u + p${a + 2} * ${dilation[a]}u - ${padding[a]}u;`
    ).join(" ");
    return reductionSteps(call, {
      label: "conv3d weight gradient",
      rows: sizeOf(w),
      length: g[0]! * sizeOf(g.slice(2)),
      fields: { sum: "f32" },
      identity: "Acc()",
      reads: { x: call.input(0), g: call.input(1) },
      writes: { out: call.output(0) },
      element: `
  ${unravel("row", w, "p")} ${unravel("k", [g[0]!, ...g.slice(2)], "v")}
  let c = (p0 / ${w[0]! / groups}u) * ${w[1]}u + p1;
  ${at}
  if (q2 >= ${x[2]}u || q3 >= ${x[3]}u || q4 >= ${x[4]}u) { return Acc(); }
  return Acc(x_at(v0 * ${xs[0]}u + c * ${xs[1]}u + q2 * ${xs[2]}u + q3 * ${xs[3]}u + q4) *
    g_at(v0 * ${gs[0]}u + p0 * ${gs[1]}u + ${ravel("v", [0, ...gs.slice(2)])}));`,
      combine: `return Acc(a.sum + b.sum);`,
      store: `set_out(row, acc.sum);`,
    });
  },
};
