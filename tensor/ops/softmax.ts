/**
 * Softmax and its logarithm along one axis, with the maximum subtracted first.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, requireFloat, type TensorSpec, values } from "./op.ts";

/** The axis along which the values sum to 1, counted from the front. */
export interface AxisAttributes {
  /** Axis. */
  readonly axis: number;
}

function infer(name: string) {
  return ([x]: readonly TensorSpec[], { axis }: AxisAttributes): TensorSpec[] => {
    requireFloat(name, [x!]);
    normalizeAxis(name, axis, x!.shape.length);
    return [x!];
  };
}

const samples = [
  { inputs: [values([2, 3, 4, 5])], attributes: { axis: 1 } },
  { inputs: [values([3, 7], -30, 30)], attributes: { axis: 1 } },
];
const refusals = [
  { inputs: [values([2, 3])], attributes: { axis: 2 }, code: "shape.axis" },
  { inputs: [labels([2, 3], 2)], attributes: { axis: 1 }, code: "dtype.mismatch" },
];
const gradOp = (name: string): Op<AxisAttributes> => ({
  name,
  family: "softmax",
  infer: ([g]) => [g!],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [{ inputs: [values([2, 3, 4]), values([2, 3, 4], 0, 1)], attributes: { axis: 1 } }],
  refusals: [],
});

/** From g and y = softmax(x): `y (g − Σ g y)`. */
export const softmaxGradOp: Op<AxisAttributes> = gradOp("softmaxGrad");

/** From g and y = logSoftmax(x): `g − eʸ Σ g`. */
export const logSoftmaxGradOp: Op<AxisAttributes> = gradOp("logSoftmaxGrad");

/** `eˣ / Σ eˣ` along an axis. */
export const softmaxOp: Op<AxisAttributes> = {
  name: "softmax",
  family: "softmax",
  infer: infer("softmax"),
  saves: { outputs: [0] },
  gradient: (g, _, { outputs: [y], attributes }) => [apply(softmaxGradOp, [g, y!], attributes)],
  samples,
  refusals,
};

/** `x − log Σ eˣ` along an axis. */
export const logSoftmaxOp: Op<AxisAttributes> = {
  name: "logSoftmax",
  family: "softmax",
  infer: infer("logSoftmax"),
  saves: { outputs: [0] },
  gradient: (g, _, { outputs: [y], attributes }) => [apply(logSoftmaxGradOp, [g, y!], attributes)],
  samples,
  refusals,
};

/** `eˣ / Σ eˣ` along an axis. */
export function softmax(x: Tensor, axis: number): Tensor {
  return apply(softmaxOp, [x], { axis: normalizeAxis("softmax", axis, x.shape.length) });
}

/** `x − log Σ eˣ` along an axis. */
export function logSoftmax(x: Tensor, axis: number): Tensor {
  return apply(logSoftmaxOp, [x], { axis: normalizeAxis("logSoftmax", axis, x.shape.length) });
}
