/**
 * 3D pooling.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, shapeText, type Triple, triple, windowOutput } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, requireFloat, type TensorSpec, values } from "./op.ts";

/** Attributes of a pooling: the window and its step. */
export interface PoolAttributes {
  /** Window size in voxels. */
  readonly kernel: Triple;
  /** Step between windows in voxels. */
  readonly stride: Triple;
}

function pooledShape(op: string, x: TensorSpec, { kernel, stride }: PoolAttributes): Shape {
  requireFloat(op, [x]);
  if (x.shape.length !== 5) {
    throw new ShapeError("shape.rank", `${op}: input must be [N,C,D,H,W], got ${shapeText(x.shape)}`);
  }
  const [n, c, d, h, w] = x.shape as [number, number, number, number, number];
  return [n, c, ...windowOutput(op, [d, h, w], kernel, { stride, padding: [0, 0, 0], dilation: [1, 1, 1] })];
}

const samples = [
  { inputs: [values([2, 3, 4, 6, 4])], attributes: { kernel: [2, 2, 2], stride: [2, 2, 2] } },
  { inputs: [values([1, 2, 5, 4, 7])], attributes: { kernel: [3, 2, 3], stride: [2, 1, 2] } },
] as const;
const refusals = [{
  inputs: [values([2, 3, 4])],
  attributes: { kernel: [2, 2, 2], stride: [2, 2, 2] },
  code: "shape.rank",
}] as const;

/**
 * Largest value of each window. The second output is the winner's position in its `[D,H,W]` block, the
 * first in row-major order at a tie; a rest that no window covers is ignored.
 */
export const maxPool3dOp: Op<PoolAttributes> = {
  name: "maxPool3d",
  family: "pooling",
  infer([x], attributes) {
    const shape = pooledShape("maxPool3d", x!, attributes);
    return [{ shape, dtype: "f32" }, { shape, dtype: "i32" }];
  },
  saves: { outputs: [1] },
  gradient: (g, [x], { outputs: [, position], attributes }) => [
    apply(maxPool3dGradOp, [g, position!], { ...attributes, shape: x!.shape }),
  ],
  samples,
  refusals,
};

/** Gradient of `maxPool3d`: each value goes to its window's winner. */
export const maxPool3dGradOp: Op<PoolAttributes & { readonly shape: Shape }> = {
  name: "maxPool3dGrad",
  family: "pooling",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/** Mean of each window. */
export const avgPool3dOp: Op<PoolAttributes> = {
  name: "avgPool3d",
  family: "pooling",
  infer: ([x], attributes) => [{ shape: pooledShape("avgPool3d", x!, attributes), dtype: "f32" }],
  saves: {},
  gradient: (g, [x], { attributes }) => [apply(avgPool3dGradOp, [g], { ...attributes, shape: x!.shape })],
  samples,
  refusals,
};

/** Gradient of `avgPool3d`: each value is spread evenly over its window. */
export const avgPool3dGradOp: Op<PoolAttributes & { readonly shape: Shape }> = {
  name: "avgPool3dGrad",
  family: "pooling",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [{
    inputs: [values([1, 2, 2, 3, 3])],
    attributes: { kernel: [3, 2, 3], stride: [2, 1, 2], shape: [1, 2, 5, 4, 7] },
  }],
  refusals: [],
};

/** Largest value of each window of `kernel` voxels, moved by `stride` (the kernel's size by default). */
export function maxPool3d(x: Tensor, kernel: number | Triple, stride: number | Triple = kernel): Tensor {
  return apply(maxPool3dOp, [x], { kernel: triple(kernel), stride: triple(stride) });
}

/** Mean of each window of `kernel` voxels, moved by `stride` (the kernel's size by default). */
export function avgPool3d(x: Tensor, kernel: number | Triple, stride: number | Triple = kernel): Tensor {
  return apply(avgPool3dOp, [x], { kernel: triple(kernel), stride: triple(stride) });
}
