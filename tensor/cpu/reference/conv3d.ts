/**
 * Convolution, its gradients and transposed convolution: four sums over the same pairs of voxels.
 *
 * @module
 */

import { biasAxes, type ConvAttributes } from "../../ops/conv3d.ts";
import type { Shape } from "../../shape.ts";
import { biasRow, type CpuArray, type CpuKernels } from "../kernel.ts";
import { reduceKernels } from "./reduce.ts";

/** The outputs `from … to − 1` whose input `o·stride − padding + tap·dilation` exists. */
function validOutputs(
  { stride, padding, dilation }: ConvAttributes,
  axis: number,
  tap: number,
  inputs: number,
  outputs: number,
): readonly [from: number, to: number] {
  const shift = padding[axis]! - tap * dilation[axis]!;
  const step = stride[axis]!;
  return [
    Math.max(0, Math.ceil(shift / step)),
    Math.min(outputs, Math.floor((inputs - 1 + shift) / step) + 1),
  ];
}

/**
 * Visits every row of products in a convolution of `x [N,I,…]` to `y [N,O,…]` with weights `[O,I/groups,…]`:
 * the flat index of the weight, of the row's first input and output, and the number of outputs. Along a
 * row the input advances by the stride, the output by 1.
 */
function forProducts(
  x: Shape,
  y: Shape,
  w: Shape,
  attributes: ConvAttributes,
  visit: (weight: number, input: number, output: number, count: number) => void,
): void {
  const { stride, padding, dilation, groups } = attributes;
  const [samples, inputs, D, H, W] = x as [number, number, number, number, number];
  const [, outputs, oD, oH, oW] = y as [number, number, number, number, number];
  const [, perGroup, kD, kH, kW] = w as [number, number, number, number, number];
  const outputsPerGroup = outputs / groups;
  for (let n = 0; n < samples; n++) {
    for (let o = 0; o < outputs; o++) {
      const firstInput = Math.floor(o / outputsPerGroup) * perGroup;
      for (let i = 0; i < perGroup; i++) {
        const inputPlane = (n * inputs + firstInput + i) * D;
        const outputPlane = (n * outputs + o) * oD;
        for (let kd = 0; kd < kD; kd++) {
          const [d0, d1] = validOutputs(attributes, 0, kd, D, oD);
          for (let kh = 0; kh < kH; kh++) {
            const [h0, h1] = validOutputs(attributes, 1, kh, H, oH);
            for (let kw = 0; kw < kW; kw++) {
              const [w0, w1] = validOutputs(attributes, 2, kw, W, oW);
              if (w1 <= w0) continue;
              const weight = (((o * perGroup + i) * kD + kd) * kH + kh) * kW + kw;
              const column = w0 * stride[2] - padding[2] + kw * dilation[2];
              for (let od = d0; od < d1; od++) {
                const plane = (inputPlane + od * stride[0] - padding[0] + kd * dilation[0]) * H;
                for (let oh = h0; oh < h1; oh++) {
                  const row = (plane + oh * stride[1] - padding[1] + kh * dilation[1]) * W;
                  visit(weight, row + column, ((outputPlane + od) * oH + oh) * oW + w0, w1 - w0);
                }
              }
            }
          }
        }
      }
    }
  }
}

/** Sums that start from a bias, or 0, for each channel of `[N,C,…]`. */
function sumsFrom(out: CpuArray, bias: CpuArray | undefined): Float64Array {
  const sums = new Float64Array(out.data.length);
  if (!bias) return sums;
  const [samples, channels] = out.shape as [number, number];
  const voxels = sums.length / (samples * channels);
  for (let row = 0; row < samples * channels; row++) {
    sums.fill(bias.data[row % channels]!, row * voxels, (row + 1) * voxels);
  }
  return sums;
}

/** Spreads `g [N,O,…]` back over the inputs of the convolution. */
function spread(
  g: CpuArray,
  w: CpuArray,
  out: CpuArray,
  bias: CpuArray | undefined,
  attributes: ConvAttributes,
): void {
  const sums = sumsFrom(out, bias);
  const step = attributes.stride[2];
  const [from, weights] = [g.data, w.data];
  forProducts(out.shape, g.shape, w.shape, attributes, (weight, input, output, count) => {
    const factor = weights[weight]!;
    for (let i = 0; i < count; i++) sums[input + i * step]! += factor * from[output + i]!;
  });
  out.data.set(sums);
}

/** The convolution kernels. */
export const conv3dKernels: Pick<
  CpuKernels,
  "conv3d" | "conv3dInputGrad" | "conv3dWeightGrad" | "convTranspose3d"
> = {
  conv3d([x, w, bias], [out], attributes) {
    const sums = sumsFrom(out!, bias);
    const step = attributes.stride[2];
    const [from, weights] = [x!.data, w!.data];
    forProducts(x!.shape, out!.shape, w!.shape, attributes, (weight, input, output, count) => {
      const factor = weights[weight]!;
      for (let i = 0; i < count; i++) sums[output + i]! += factor * from[input + i * step]!;
    });
    out!.data.set(sums);
  },
  conv3dInputGrad: ([g, w], [out], attributes) => spread(g!, w!, out!, undefined, attributes),
  convTranspose3d: ([x, w, bias], [out], attributes) => spread(x!, w!, out!, bias, attributes),
  conv3dWeightGrad([x, g], [out, bias], attributes) {
    const sums = new Float64Array(out!.data.length);
    const step = attributes.stride[2];
    const [from, grad] = [x!.data, g!.data];
    forProducts(x!.shape, g!.shape, out!.shape, attributes, (weight, input, output, count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += from[input + i * step]! * grad[output + i]!;
      sums[weight]! += sum;
    });
    out!.data.set(sums);
    if (bias) {
      reduceKernels.sum([attributes.channelSums === "x" ? x! : g!], [biasRow(bias)], { axes: biasAxes });
    }
  },
};
