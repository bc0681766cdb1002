/**
 * 3D convolution, its two gradients and transposed convolution. A 1D or 2D convolution is one with axes
 * of size 1.
 *
 * @module
 */

import { apply, applyAll } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, shapeText, sizeOf, type Triple, triple, type Window3d, windowOutput } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type GradientContext, labels, type Op, requireFloat, type TensorSpec, values } from "./op.ts";
import { split } from "./layout.ts";
import { sum } from "./reduce.ts";

/** Attributes of a convolution: how the window moves, and into how many groups the channels are cut. */
export interface ConvAttributes extends Window3d {
  /** Channel groups; each output channel sees the input channels of its group. */
  readonly groups: number;
}

const spatial = (shape: Shape): Triple => [shape[2]!, shape[3]!, shape[4]!];

function checkInputs(op: string, inputs: readonly TensorSpec[]): void {
  requireFloat(op, inputs);
  if (inputs[0]!.shape.length !== 5 || inputs[1]!.shape.length !== 5) {
    throw new ShapeError(
      "shape.rank",
      `${op}: input and weight must be [N,C,D,H,W] and [O,I,kD,kH,kW], got ${
        inputs.map((input) => shapeText(input.shape)).join(" and ")
      }`,
    );
  }
}

function checkBias(op: string, bias: TensorSpec | undefined, channels: number): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels)) {
    throw new ShapeError("shape.bias", `${op}: bias must be [${channels}], got ${shapeText(bias.shape)}`);
  }
}

/** Axes that the gradient of a bias is summed over. */
export const biasAxes = [0, 2, 3, 4] as const;

const biasGradient = (g: Tensor, { wants }: GradientContext<unknown>): Tensor | null =>
  wants[2] ? sum(g, { axes: biasAxes }) : null;

/** Gradients of weight and bias in one call; the latter are sums of `g` or, of a transposed convolution, of `x`. */
function weightGradients(
  inputs: readonly [Tensor, Tensor],
  { shape }: Tensor,
  { wants, attributes }: GradientContext<ConvAttributes>,
  summed: "x" | "g",
): [Tensor, Tensor | null] {
  const [forWeight, forBias] = applyAll(conv3dWeightGradOp, inputs, {
    ...attributes,
    kernel: spatial(shape),
    ...(wants[2] && { channelSums: summed }),
  });
  return [forWeight!, forBias ?? null];
}

/** Elements of the filter that a voxel of one channel meets. */
const filterSize = (w: Shape): number => sizeOf(w) / w[0]!;

const plain = { stride: [1, 1, 1], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 1 } as const;
const strided = { stride: [2, 1, 2], padding: [0, 1, 1], dilation: [1, 2, 1], groups: 2 } as const;

/** Convolution of `x [N,I,D,H,W]` with `w [O,I/groups,kD,kH,kW]` and, where given, bias `[O]`. */
export const conv3dOp: Op<ConvAttributes> = {
  name: "conv3d",
  family: "convolution",
  stores: "as-first",
  infer(inputs, attributes) {
    checkInputs("conv3d", inputs);
    const [x, w, bias] = [inputs[0]!.shape, inputs[1]!.shape, inputs[2]];
    const { groups } = attributes;
    if (x[1] !== w[1]! * groups || w[0]! % groups !== 0) {
      throw new ShapeError(
        "shape.channels",
        `conv3d: input ${shapeText(x)} has ${x[1]} channels, weight ${
          shapeText(w)
        } with ${groups} groups takes ${w[1]! * groups}`,
      );
    }
    checkBias("conv3d", bias, w[0]!);
    return [{
      shape: [x[0]!, w[0]!, ...windowOutput("conv3d", spatial(x), spatial(w), attributes)],
      dtype: "f32",
    }];
  },
  multiplyAdds: ([, w], [y]) => sizeOf(y!) * filterSize(w!),
  saves: { inputs: [0, 1] },
  gradient: (g, [x, w], context) => {
    const { wants, attributes } = context;
    const forInput = wants[0]
      ? apply(conv3dInputGradOp, [g, w!], { ...attributes, size: spatial(x!.shape) })
      : null;
    if (!wants[1]) return [forInput, null, biasGradient(g, context)];
    return [forInput, ...weightGradients([x!, g], w!, context, "g")];
  },
  samples: [
    { inputs: [values([2, 3, 4, 5, 6]), values([4, 3, 3, 3, 3]), values([4])], attributes: plain },
    { inputs: [values([1, 4, 5, 6, 7]), values([6, 2, 2, 3, 3]), values([6])], attributes: strided },
    {
      inputs: [values([2, 5, 3, 3, 3]), values([3, 5, 1, 1, 1])],
      attributes: { ...plain, padding: [0, 0, 0] },
    },
    {
      inputs: [values([1, 1, 1, 1, 9]), values([2, 1, 1, 1, 3])],
      attributes: { ...plain, padding: [0, 0, 1] },
    },
  ],
  refusals: [
    { inputs: [values([1, 2, 4, 4, 4]), values([3, 3, 3, 3, 3])], attributes: plain, code: "shape.channels" },
    { inputs: [values([2, 4, 4, 4]), values([3, 2, 3, 3, 3])], attributes: plain, code: "shape.rank" },
    {
      inputs: [labels([1, 2, 4, 4, 4], 2), values([3, 2, 3, 3, 3])],
      attributes: plain,
      code: "dtype.mismatch",
    },
    {
      inputs: [values([1, 2, 4, 4, 4]), values([3, 2, 7, 3, 3])],
      attributes: { ...plain, padding: [0, 0, 0] },
      code: "shape.window",
    },
  ],
};

/** Gradient of `conv3d` for its input: from `g [N,O,…]` and `w` to `[N,I,...size]`. */
export const conv3dInputGradOp: Op<ConvAttributes & { readonly size: Triple }> = {
  name: "conv3dInputGrad",
  family: "convolution",
  infer: (
    [g, w],
    { groups, size },
  ) => [{ shape: [g!.shape[0]!, w!.shape[1]! * groups, ...size], dtype: "f32" }],
  multiplyAdds: ([g, w]) => sizeOf(g!) * filterSize(w!),
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [
    { inputs: [values([2, 4, 4, 5, 6]), values([4, 3, 3, 3, 3])], attributes: { ...plain, size: [4, 5, 6] } },
    {
      inputs: [values([1, 6, 2, 4, 4]), values([6, 2, 2, 3, 3])],
      attributes: { ...strided, size: [5, 6, 7] },
    },
  ],
  refusals: [],
};

/** Attributes of a weight gradient. */
export interface WeightGradAttributes extends ConvAttributes {
  /** Size of the kernel. */
  readonly kernel: Triple;
  /** The input whose sums over each channel, the gradient of a bias, come from the same call. */
  readonly channelSums?: "x" | "g";
}

/**
 * Gradient of `conv3d` for its weight, from `x` and `g` to `[O,I/groups,...kernel]`, and on request the sums of one of
 * them over each channel.
 */
export const conv3dWeightGradOp: Op<WeightGradAttributes> = {
  name: "conv3dWeightGrad",
  family: "convolution",
  infer: ([x, g], { groups, kernel, channelSums }) => {
    const [inputs, outputs] = [x!.shape[1]!, g!.shape[1]!];
    const weight = { shape: [outputs, inputs / groups, ...kernel], dtype: "f32" } as const;
    if (!channelSums) return [weight];
    return [weight, { shape: [channelSums === "x" ? inputs : outputs], dtype: "f32" }];
  },
  multiplyAdds: ([, g], [w]) => sizeOf(g!) * filterSize(w!),
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [
    {
      inputs: [values([2, 3, 4, 5, 6]), values([2, 4, 4, 5, 6])],
      attributes: { ...plain, kernel: [3, 3, 3] },
    },
    {
      inputs: [values([1, 4, 5, 6, 7]), values([1, 6, 2, 4, 4])],
      attributes: { ...strided, kernel: [2, 3, 3] },
    },
    {
      inputs: [values([2, 3, 4, 5, 6]), values([2, 4, 4, 5, 6])],
      attributes: { ...plain, kernel: [3, 3, 3], channelSums: "g" },
    },
    {
      inputs: [values([2, 3, 4, 5, 6]), values([2, 4, 4, 5, 6])],
      attributes: { ...plain, kernel: [3, 3, 3], channelSums: "x" },
    },
  ],
  refusals: [],
};

/**
 * Transposed convolution of `x [N,I,D,H,W]` with `w [I,O/groups,kD,kH,kW]` and, where given, bias `[O]`:
 * output size `(D − 1)·stride − 2·padding + dilation·(kD − 1) + 1` on each axis.
 */
export const convTranspose3dOp: Op<ConvAttributes> = {
  name: "convTranspose3d",
  family: "convolution",
  stores: "as-first",
  infer(inputs, { stride, padding, dilation, groups }) {
    checkInputs("convTranspose3d", inputs);
    const [x, w, bias] = [inputs[0]!.shape, inputs[1]!.shape, inputs[2]];
    if (x[1] !== w[0] || w[0]! % groups !== 0) {
      throw new ShapeError(
        "shape.channels",
        `convTranspose3d: input ${shapeText(x)} has ${x[1]} channels, weight ${shapeText(w)} takes ${w[0]}`,
      );
    }
    checkBias("convTranspose3d", bias, w[1]! * groups);
    const size = [0, 1, 2].map((axis) =>
      (x[axis + 2]! - 1) * stride[axis]! - 2 * padding[axis]! + dilation[axis]! * (w[axis + 2]! - 1) + 1
    );
    if (size.some((n) => n < 1)) {
      throw new ShapeError(
        "shape.window",
        `convTranspose3d: output of ${shapeText(x)} would be ${shapeText(size)}`,
      );
    }
    return [{ shape: [x[0]!, w[1]! * groups, ...size], dtype: "f32" }];
  },
  multiplyAdds: ([x, w]) => sizeOf(x!) * filterSize(w!),
  saves: { inputs: [0, 1] },
  gradient: (g, [x, w], context) => {
    const { wants, attributes } = context;
    const forInput = wants[0] ? apply(conv3dOp, [g, w!], attributes) : null;
    if (!wants[1]) return [forInput, null, biasGradient(g, context)];
    return [forInput, ...weightGradients([g, x!], w!, context, "x")];
  },
  samples: [
    {
      inputs: [values([2, 4, 2, 3, 2]), values([4, 3, 2, 2, 2]), values([3])],
      attributes: { ...plain, stride: [2, 2, 2], padding: [0, 0, 0] },
    },
    { inputs: [values([1, 4, 3, 4, 4]), values([4, 2, 2, 3, 3]), values([4])], attributes: strided },
  ],
  refusals: [
    {
      inputs: [values([1, 2, 4, 4, 4]), values([3, 3, 2, 2, 2])],
      attributes: plain,
      code: "shape.channels",
    },
  ],
};

/** Options of a convolution; a single number means all three axes. */
export interface ConvOptions {
  /** Step between outputs; 1 by default. */
  readonly stride?: number | Triple;
  /** Zeros on both sides; 0 by default. */
  readonly padding?: number | Triple;
  /** Step between taps; 1 by default. */
  readonly dilation?: number | Triple;
  /** Channel groups; 1 by default. */
  readonly groups?: number;
}

function attributesOf({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions): ConvAttributes {
  return { stride: triple(stride), padding: triple(padding), dilation: triple(dilation), groups };
}

/**
 * 3D convolution. Given several inputs it convolves their concatenation along the channels without making
 * it: each input meets its own slice of the weight, and the results add up.
 *
 * @param x input, `[N,I,D,H,W]`, or several that together have I channels
 * @param weight `[O,I/groups,kD,kH,kW]`
 * @param bias `[O]`, or null
 * @returns `[N,O,D',H',W']`
 * @throws {ShapeError} when ranks, channels or sizes do not fit
 */
export function conv3d(
  x: Tensor | readonly Tensor[],
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvOptions = {},
): Tensor {
  if (x instanceof Array) return convConcat(x, weight, bias, options);
  return apply(conv3dOp, bias ? [x, weight, bias] : [x, weight], attributesOf(options));
}

function convConcat(
  inputs: readonly Tensor[],
  weight: Tensor,
  bias: Tensor | null,
  options: ConvOptions,
): Tensor {
  const channels = inputs.reduce((sum, input) => sum + input.shape[1]!, 0);
  if (channels !== weight.shape[1] || (options.groups ?? 1) !== 1) {
    throw new ShapeError(
      "shape.channels",
      `conv3d: ${
        inputs.map((input) => shapeText(input.shape)).join(" and ")
      } have ${channels} channels, weight ${shapeText(weight.shape)} takes ${weight.shape[1]}, in one group`,
    );
  }
  const weights = split(weight, inputs.map(({ shape }) => shape[1]!), 1);
  return inputs.map((input, i) => conv3d(input, weights[i]!, i === 0 ? bias : null, options))
    .reduce((sum, part) => sum.add(part));
}

/**
 * Transposed 3D convolution, the adjoint of {@link conv3d}.
 *
 * @param x input, `[N,I,D,H,W]`
 * @param weight `[I,O/groups,kD,kH,kW]`
 * @param bias `[O]`, or null
 * @throws {ShapeError} when ranks, channels or sizes do not fit
 */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvOptions = {},
): Tensor {
  return apply(convTranspose3dOp, bias ? [x, weight, bias] : [x, weight], attributesOf(options));
}
