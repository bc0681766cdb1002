/**
 * 3D convolution, its input gradient and transposed convolution, as gathers.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, stridesOf } from "../../shape.ts";
import type { Call, Kernel } from "../kernel.ts";
import type { Phase } from "./gather_plan.ts";
import { gatherSteps } from "./gather_convolution.ts";

const axes = [0, 1, 2] as const;
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Convolution. */
export const conv3d: Kernel<KernelAttributes<"conv3d">> = {
  steps: (call) => {
    const { stride, padding, dilation, groups } = call.attributes;
    const [x, w] = [call.inputs[0]!.shape, call.inputs[1]!.shape];
    const ws = stridesOf(w);
    return gatherSteps(call, {
      x: call.input(0),
      xShape: x,
      w: call.input(1),
      bias: call.inputs.length > 2 ? call.input(2) : null,
      out: call.output(0),
      outShape: call.outputs[0]!.shape,
      groups,
      axes: axes.map((a) => {
        const taps = range(w[a + 2]!);
        const offsets = taps.map((t) => t * dilation[a] - padding[a]);
        return { inStride: stride[a], outStride: 1, phases: [{ phase: 0, taps, offsets }] };
      }),
      weightIndex: `(group * ${w[0]! / groups}u + o) * ${ws[0]}u + c * ${ws[1]}u + ${tapIndex(ws)}`,
    });
  },
};

const tapIndex = (ws: readonly number[]) => `t0 * ${ws[2]}u + t1 * ${ws[3]}u + t2`;

/** The phases of one axis of a transposed convolution: output p is hit by tap t where `p + pad − t·dil` divides by the stride. */
function transposedPhases(
  taps: number,
  stride: number,
  padding: number,
  dilation: number,
  size: number,
): Phase[] {
  return range(Math.min(stride, size)).map((phase) => {
    const hits = range(taps).filter((t) => (phase + padding - t * dilation) % stride === 0);
    return { phase, taps: hits, offsets: hits.map((t) => (phase + padding - t * dilation) / stride) };
  });
}

/** What conv3dInputGrad and convTranspose3d have in common. */
function transposed(call: Call<ConvAttributes>) {
  const { stride, padding, dilation, groups } = call.attributes;
  const w = call.inputs[1]!.shape;
  const out: Shape = call.outputs[0]!.shape;
  const ws = stridesOf(w);
  return gatherSteps(call, {
    x: call.input(0),
    xShape: call.inputs[0]!.shape,
    w: call.input(1),
    bias: call.inputs.length > 2 ? call.input(2) : null,
    out: call.output(0),
    outShape: out,
    groups,
    axes: axes.map((a) => ({
      inStride: 1,
      outStride: stride[a],
      phases: transposedPhases(w[a + 2]!, stride[a], padding[a], dilation[a], out[a + 2]!),
    })),
    weightIndex: `(group * ${w[0]! / groups}u + c) * ${ws[0]}u + o * ${ws[1]}u + ${tapIndex(ws)}`,
  });
}

/** Gradient for the input. */
export const conv3dInputGrad: Kernel<KernelAttributes<"conv3dInputGrad">> = { steps: transposed };

/** Transposed convolution. */
export const convTranspose3d: Kernel<KernelAttributes<"convTranspose3d">> = { steps: transposed };
