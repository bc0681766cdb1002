/**
 * Reductions made of others.
 *
 * @module
 */

import { noGrad } from "../autograd.ts";
import { normalizeAxes, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { max, type ReduceOptions } from "./reduce.ts";

/** How to take a variance. */
export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements: 0, the default, for all there is, 1 for a sample of it. */
  readonly correction?: number;
}

/** Mean squared distance from the mean, over axes. */
export function variance(x: Tensor, { correction = 0, ...options }: VarianceOptions = {}): Tensor {
  const axes = normalizeAxes("variance", options.axes, x.shape.length);
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  const centred = x.sub(x.mean({ axes, keepDims: true }));
  return centred.square().sum({ ...options, axes }).mul(1 / (count - correction));
}

/** `log Σ eˣ` over axes, without overflow. */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  // The result does not depend on what is subtracted, so no gradient flows there.
  const top = noGrad(() => max(x, { ...options, keepDims: true }));
  const sum = x.sub(top).exp().sum(options);
  return sum.log().add(top.reshape(sum.shape));
}
