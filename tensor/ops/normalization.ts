/**
 * Group normalisation with its activation in one kernel; the other normalisations are the same kernel on
 * another view: instance normalisation has one group a channel, layer normalisation one group a token, batch
 * normalisation the batch among the voxels.
 *
 * @module
 */

import { apply, applyAll } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { shapeText } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, requireFloat, values } from "./op.ts";

/** Attributes of a group normalisation. */
export interface GroupNormAttributes {
  /** Channel groups that share a mean and a variance. */
  readonly groups: number;
  /** Added to the variance. */
  readonly epsilon: number;
  /** Slope of the leaky ReLU applied to the result: 1 for none, 0 for ReLU. */
  readonly slope: number;
}

/**
 * `leakyRelu(γ_c (x − mean) · rstd + β_c)` for x `[N,C,…]`, mean and biased variance over each group of
 * channels of each sample. Outputs: the result, mean `[N,groups]`, rstd `[N,groups]`.
 */
export const groupNormOp: Op<GroupNormAttributes> = {
  name: "groupNorm",
  family: "normalization",
  stores: "as-first",
  infer([x, gamma, beta], { groups }) {
    requireFloat("groupNorm", [x!, gamma!, beta!]);
    const [n, channels] = x!.shape;
    if (channels === undefined || channels % groups !== 0) {
      throw new ShapeError(
        "shape.channels",
        `groupNorm: ${shapeText(x!.shape)} does not divide into ${groups} groups`,
      );
    }
    if ([gamma!, beta!].some(({ shape }) => shape.length !== 1 || shape[0] !== channels)) {
      throw new ShapeError(
        "shape.channels",
        `groupNorm: scale and shift must be [${channels}], got ${shapeText(gamma!.shape)} and ${
          shapeText(beta!.shape)
        }`,
      );
    }
    const statistics = { shape: [n!, groups], dtype: "f32" } as const;
    return [{ shape: x!.shape, dtype: "f32" }, statistics, statistics];
  },
  saves: { inputs: [0, 1, 2], outputs: [1, 2] },
  gradient: (g, [x, gamma, beta], { outputs: [, mean, rstd], attributes }) =>
    applyAll(groupNormGradOp, [g, x!, gamma!, beta!, mean!, rstd!], attributes),
  samples: [
    {
      inputs: [values([2, 4, 3, 2, 5]), values([4], 0.5, 2), values([4])],
      attributes: { groups: 4, epsilon: 1e-5, slope: 0.01 },
    },
    {
      inputs: [values([2, 6, 3, 2, 2]), values([6], 0.5, 2), values([6])],
      attributes: { groups: 2, epsilon: 1e-5, slope: 1 },
    },
  ],
  refusals: [{
    inputs: [values([2, 5, 3]), values([5]), values([5])],
    attributes: { groups: 2, epsilon: 1e-5, slope: 1 },
    code: "shape.channels",
  }],
};

/**
 * Gradients of `groupNorm` for x, γ and β from g, x, γ, β, mean, rstd. The sign of the activation's input
 * is recomputed rather than stored.
 */
export const groupNormGradOp: Op<GroupNormAttributes> = {
  name: "groupNormGrad",
  family: "normalization",
  infer: ([, x, gamma, beta]) => [x!, gamma!, beta!],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/** Options of a normalisation. */
export interface NormOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** Slope of a leaky ReLU applied to the result: 1, the default, for none, 0 for ReLU. */
  readonly slope?: number;
}

/**
 * Group normalisation, then a leaky ReLU unless `slope` is 1.
 *
 * @param x `[N,C,…]`
 * @param gamma scale, `[C]`
 * @param beta shift, `[C]`
 * @throws {ShapeError} when the channels do not divide into the groups
 */
export function groupNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  groups: number,
  options: NormOptions = {},
): Tensor {
  return apply(groupNormOp, [x, gamma, beta], { groups, epsilon: 1e-5, slope: 1, ...options });
}

/** Normalises each channel of each sample over its voxels: group normalisation with one channel a group. */
export function instanceNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: NormOptions = {}): Tensor {
  return groupNorm(x, gamma, beta, x.shape[1]!, options);
}

/**
 * Normalises each channel over the voxels of the whole batch, with the statistics of this batch.
 *
 * @param x `[N,C,…]`
 * @param gamma scale, `[C]`
 * @param beta shift, `[C]`
 */
export function batchNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: NormOptions = {}): Tensor {
  const [n, c] = x.shape as [number, number];
  if (n === 1) return instanceNorm(x, gamma, beta, options);
  const swap = (t: Tensor) => t.permute([1, 0, 2]);
  const joined = swap(x.reshape([n, c, -1])).reshape([1, c, -1]);
  return swap(instanceNorm(joined, gamma, beta, options).reshape([c, n, -1])).reshape(x.shape);
}

/**
 * Normalises each token over its channels.
 *
 * @param x `[…,C]`
 * @param gamma scale, `[C]`
 * @param beta shift, `[C]`
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: NormOptions = {}): Tensor {
  return groupNorm(x.reshape([-1, x.shape.at(-1)!]), gamma, beta, 1, options).reshape(x.shape);
}
