/**
 * Reductions over any set of axes, and their inverse, `expand`.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { broadcastShapes, normalizeAxes, sameShape, type Shape, shapeText, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { reshape } from "./layout.ts";
import { labels, type Op, requireFloat, type Sample, type TensorSpec, values } from "./op.ts";

/** Attributes of a reduction: sorted axes counted from the front; they stay with size 1. */
export interface ReduceAttributes {
  /** Axes to reduce. */
  readonly axes: readonly number[];
}

function reducedShape(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((n, axis) => axes.includes(axis) ? 1 : n);
}

function inferReduce(name: string, needsValues: boolean) {
  return ([x]: readonly TensorSpec[], { axes }: ReduceAttributes): TensorSpec[] => {
    requireFloat(name, [x!]);
    normalizeAxes(name, axes, x!.shape.length);
    if (needsValues && axes.some((axis) => x!.shape[axis] === 0)) {
      throw new ShapeError("shape.empty", `${name}: axis of size 0 in ${shapeText(x!.shape)} has no ${name}`);
    }
    return [{ shape: reducedShape(x!.shape, axes), dtype: x!.dtype }];
  };
}

const samples: Sample<ReduceAttributes>[] = [
  { inputs: [values([3, 4, 5])], attributes: { axes: [1] } },
  { inputs: [values([2, 3, 4, 2, 3])], attributes: { axes: [0, 2, 3, 4] } },
  { inputs: [values([2, 3, 33])], attributes: { axes: [0, 1, 2] } },
  { inputs: [values([2, 3])], attributes: { axes: [] } },
];
const refusals = [
  { inputs: [values([3, 4])], attributes: { axes: [2] }, code: "shape.axis" },
  { inputs: [labels([3, 4], 2)], attributes: { axes: [0] }, code: "dtype.mismatch" },
];

/** Sum. */
export const sumOp: Op<ReduceAttributes> = {
  name: "sum",
  family: "reduction",
  infer: inferReduce("sum", false),
  saves: {},
  gradient: (g, [x]) => [expand(g, x!.shape)],
  samples,
  refusals,
};

/** Mean. */
export const meanOp: Op<ReduceAttributes> = {
  name: "mean",
  family: "reduction",
  infer: inferReduce("mean", true),
  saves: {},
  gradient: (g, [x]) => [expand(g.mul(sizeOf(g.shape) / sizeOf(x!.shape)), x!.shape)],
  samples,
  refusals,
};

function extremum(name: "max" | "min"): Op<ReduceAttributes> {
  return {
    name,
    family: "reduction",
    // The second output is the position, within the reduced block in row-major order, of the first hit.
    infer: (inputs, attributes) => {
      const [out] = inferReduce(name, true)(inputs, attributes);
      return [out!, { shape: out!.shape, dtype: "i32" }];
    },
    saves: { outputs: [1] },
    gradient: (g, [x], { outputs: [, position], attributes }) => [
      apply(extremumGradOp, [g, position!], { axes: attributes.axes, shape: x!.shape }),
    ],
    samples,
    refusals,
  };
}

/** Largest element; at a tie the first one, in row-major order of the reduced axes, gets the gradient. */
export const maxOp: Op<ReduceAttributes> = extremum("max");

/** Smallest element; ties as in `max`. */
export const minOp: Op<ReduceAttributes> = extremum("min");

/** Gradient of `max` and `min`: puts each value at its recorded position, 0 elsewhere. */
export const extremumGradOp: Op<ReduceAttributes & { shape: Shape }> = {
  name: "extremumGrad",
  family: "reduction",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/** Repeats axes of size 1 up to a shape. */
export const expandOp: Op<{ shape: Shape }> = {
  name: "expand",
  family: "layout",
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes("expand", [x!.shape, shape]), shape)) {
      throw new ShapeError(
        "shape.broadcast",
        `expand: ${shapeText(x!.shape)} does not expand to ${shapeText(shape)}`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  saves: {},
  gradient: (g, [x]) => [sumTo(g, x!.shape)],
  samples: [
    { inputs: [values([2, 1, 3])], attributes: { shape: [2, 4, 3] } },
    { inputs: [values([3, 1])], attributes: { shape: [2, 3, 5] } },
  ],
  refusals: [{ inputs: [values([2, 3])], attributes: { shape: [2, 4] }, code: "shape.broadcast" }],
};

/** How to reduce. */
export interface ReduceOptions {
  /** Axes to reduce, negative from the back; all when absent. */
  readonly axes?: readonly number[];
  /** Keep the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

function reduce(op: Op<ReduceAttributes>, x: Tensor, options: ReduceOptions): Tensor {
  const axes = normalizeAxes(op.name, options.axes, x.shape.length);
  const kept = apply(op, [x], { axes });
  return options.keepDims ? kept : reshape(kept, x.shape.filter((_, axis) => !axes.includes(axis)));
}

/** Sum over axes. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(sumOp, x, options);
}

/** Mean over axes. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(meanOp, x, options);
}

/** Largest element over axes; at a tie the first gets the gradient. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(maxOp, x, options);
}

/** Smallest element over axes; at a tie the first gets the gradient. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(minOp, x, options);
}

/** Repeats axes of size 1, and leading axes that are missing, up to a shape. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(expandOp, [x], { shape });
}

/** Sums the axes along which `shape` was broadcast: the adjoint of `expand`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, axis) =>
    axis < lead || (shape[axis - lead] === 1 && n !== 1) ? [axis] : []
  );
  return reshape(sum(x, { axes, keepDims: true }), shape);
}
