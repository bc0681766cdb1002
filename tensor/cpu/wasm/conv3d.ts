/**
 * conv3d, its input gradient and the transposed convolution as calls of one kernel.
 *
 * @module
 */

import { biasAxes, type ConvAttributes } from "../../ops/conv3d.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { biasRow, type CpuKernels } from "../kernel.ts";
import { convolutionWeightGrad } from "./convolution_weight_grad.ts";
import { type Convolution, convolve } from "./convolve.ts";
import type { Engine } from "./engine.ts";
import { paddedLayout, placeOf } from "./pad_copy.ts";
import { transposedConvolution } from "./transposed_convolution.ts";
import { isUpsampling, upsample } from "./upsampling_convolution.ts";
import { reduceKernels } from "./reduce.ts";
import { adjoint, convolvesFaster, weightGradientFaster, winogradShape } from "./winograd.ts";
import { winogradConvolve } from "./winograd_convolve.ts";
import { winogradWeightGrad } from "./winograd_weight_grad.ts";

type Size = [number, number, number];

const spatial = (shape: Shape): Size => [shape[2]!, shape[3]!, shape[4]!];

function forwardConvolution(x: Shape, w: Shape, y: Shape, attributes: ConvAttributes): Convolution {
  const { stride, padding, dilation, groups } = attributes;
  const kernel = spatial(w);
  const reach = kernel.map((k, axis) => (k - 1) * dilation[axis]!) as Size;
  const size = spatial(y);
  const layout = paddedLayout(spatial(x), size, { before: [...padding], reach, stride });
  const taps: Convolution["taps"][number][] = [];
  for (let z = 0, weight = 0; z < kernel[0]; z++) {
    for (let r = 0; r < kernel[1]; r++) {
      for (let c = 0; c < kernel[2]; c++, weight++) {
        taps.push({ offset: placeOf(layout, z * dilation[0], r * dilation[1], c * dilation[2]), weight });
      }
    }
  }
  const filter = kernel[0] * kernel[1] * kernel[2];
  const [outputs, inputs] = [w[0]! / groups, w[1]!];
  return {
    samples: x[0]!,
    groups,
    inputs,
    outputs,
    layout,
    size,
    step: [stride[0], stride[1]],
    taps,
    weightStrides: [outputs * inputs * filter, inputs * filter, filter],
  };
}

/** The convolution kernels. */
export function conv3dKernels(
  engine: Engine,
): Pick<CpuKernels, "conv3d" | "conv3dInputGrad" | "conv3dWeightGrad" | "convTranspose3d"> {
  const { sum } = reduceKernels(engine);
  return {
    conv3d([x, w, bias], [y], attributes) {
      const addresses = { x: x!.address, weight: w!.address, bias: bias?.address ?? 0, y: y!.address };
      const shape = winogradShape(x!.shape, y!.shape, spatial(w!.shape), attributes);
      if (shape && convolvesFaster(shape)) {
        winogradConvolve(engine, shape, { ...addresses, isAdjoint: false });
      } else convolve(engine, forwardConvolution(x!.shape, w!.shape, y!.shape, attributes), addresses);
    },
    conv3dInputGrad([g, w], [out], attributes) {
      const shape = winogradShape(out!.shape, g!.shape, spatial(w!.shape), attributes);
      if (shape && convolvesFaster(adjoint(shape))) {
        const addresses = { x: g!.address, weight: w!.address, bias: 0, y: out!.address };
        winogradConvolve(engine, adjoint(shape), { ...addresses, isAdjoint: true });
      } else transposedConvolution(engine, { x: g!, w: w!, out: out! }, attributes);
    },
    conv3dWeightGrad([x, g], [out, bias], attributes) {
      const shape = winogradShape(x!.shape, g!.shape, attributes.kernel, attributes);
      if (sizeOf(g!.shape) === 0) out!.data.fill(0);
      else if (shape && weightGradientFaster(shape)) {
        winogradWeightGrad(engine, shape, { x: x!.address, g: g!.address, out: out!.address });
      } else convolutionWeightGrad(engine, x!, g!, out!, attributes);
      if (bias) sum([attributes.channelSums === "x" ? x! : g!], [biasRow(bias)], { axes: biasAxes });
    },
    convTranspose3d([x, w, bias], [out], attributes) {
      if (isUpsampling(w!.shape, attributes)) upsample(engine, [x!, w!, bias], out!, attributes.stride);
      else transposedConvolution(engine, { x: x!, w: w!, out: out!, ...(bias && { bias }) }, attributes);
    },
  };
}
