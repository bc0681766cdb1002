/**
 * Resampling to another grid: nearest neighbour, or trilinear with either rule for the corners.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, shapeText, type Triple } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, requireFloat, type TensorSpec, values } from "./op.ts";

/** Where an output voxel takes its value from. */
export interface ResizeAttributes {
  /** Output sizes of D, H, W. */
  readonly size: Triple;
  /** Nearest neighbour, or a mean of the two neighbours on each axis weighted by distance. */
  readonly mode: "nearest" | "trilinear";
  /** Trilinear: whether the centres of the corner voxels coincide, rather than the volumes' borders. */
  readonly alignCorners: boolean;
}

/**
 * The position of output voxel `d` on the input's axis, as an exact fraction so that every device rounds
 * alike: `max(0, d · slope + offset) / denominator`. Nearest takes the integer part.
 */
export interface ResizeRule {
  /** Numerator for each output voxel. */
  readonly slope: number;
  /** Numerator at voxel 0. */
  readonly offset: number;
  /** Denominator. */
  readonly denominator: number;
}

/**
 * The rule of one axis. Corners aligned: `d (n − 1) / (m − 1)`; borders aligned: `(d + ½) n / m − ½`;
 * nearest: `d n / m`, for n input and m output voxels.
 */
export function resizeRule(
  { mode, alignCorners }: ResizeAttributes,
  inputs: number,
  outputs: number,
): ResizeRule {
  if (mode === "nearest") return { slope: inputs, offset: 0, denominator: outputs };
  if (alignCorners) return { slope: inputs - 1, offset: 0, denominator: Math.max(outputs - 1, 1) };
  return { slope: 2 * inputs, offset: inputs - outputs, denominator: 2 * outputs };
}

/** For each output position on an axis: the two input positions and the weight of the second. */
export function resizeNeighbours(
  attributes: ResizeAttributes,
  inputs: number,
  outputs: number,
): { first: number; second: number; weight: number }[] {
  const { slope, offset, denominator } = resizeRule(attributes, inputs, outputs);
  return Array.from({ length: outputs }, (_, d) => {
    const numerator = Math.max(0, d * slope + offset);
    const first = Math.floor(numerator / denominator);
    const weight = attributes.mode === "nearest" ? 0 : (numerator % denominator) / denominator;
    return { first, second: Math.min(first + 1, inputs - 1), weight };
  });
}

function checkRank(x: TensorSpec, size: Triple): void {
  requireFloat("resize3d", [x]);
  if (x.shape.length !== 5) {
    throw new ShapeError("shape.rank", `resize3d: input must be [N,C,D,H,W], got ${shapeText(x.shape)}`);
  }
  if (size.some((n) => !Number.isInteger(n) || n < 1) || x.shape.slice(2).includes(0)) {
    throw new ShapeError("shape.size", `resize3d: ${shapeText(x.shape)} to ${shapeText(size)}`);
  }
}

const sample = (from: Triple, attributes: ResizeAttributes) => ({
  inputs: [values([2, 2, ...from])],
  attributes,
});

/** `[N,C,D,H,W]` to `[N,C,...size]`. */
export const resize3dOp: Op<ResizeAttributes> = {
  name: "resize3d",
  family: "resampling",
  infer([x], { size }) {
    checkRank(x!, size);
    return [{ shape: [x!.shape[0]!, x!.shape[1]!, ...size], dtype: "f32" }];
  },
  saves: {},
  gradient: (g, [x], { attributes }) => [apply(resize3dGradOp, [g], { ...attributes, shape: x!.shape })],
  samples: [
    sample([2, 3, 4], { size: [4, 7, 3], mode: "nearest", alignCorners: false }),
    sample([2, 3, 4], { size: [5, 2, 8], mode: "trilinear", alignCorners: false }),
    sample([2, 3, 4], { size: [5, 2, 8], mode: "trilinear", alignCorners: true }),
    sample([1, 3, 5], { size: [3, 1, 5], mode: "trilinear", alignCorners: true }),
  ],
  refusals: [
    {
      inputs: [values([3, 4, 5])],
      attributes: { size: [1, 1, 1], mode: "nearest", alignCorners: false },
      code: "shape.rank",
    },
    {
      inputs: [values([1, 1, 3, 4, 5])],
      attributes: { size: [2, 0, 2], mode: "nearest", alignCorners: false },
      code: "shape.size",
    },
  ],
};

/** Gradient of `resize3d`: each value goes back to the voxels it came from, with the same weights. */
export const resize3dGradOp: Op<ResizeAttributes & { readonly shape: Shape }> = {
  name: "resize3dGrad",
  family: "resampling",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/** How to resample. */
export interface ResizeOptions {
  /** "trilinear" by default. */
  readonly mode?: "nearest" | "trilinear";
  /** Whether the centres of the corner voxels coincide (trilinear only); false by default. */
  readonly alignCorners?: boolean;
}

/**
 * Resamples `[N,C,D,H,W]` to `[N,C,...size]` by PyTorch's rules.
 *
 * @throws {ShapeError} `shape.rank`, or `shape.size` for sizes below 1
 */
export function resize3d(x: Tensor, size: Triple, options: ResizeOptions = {}): Tensor {
  const { mode = "trilinear", alignCorners = false } = options;
  return apply(resize3dOp, [x], { size, mode, alignCorners });
}
