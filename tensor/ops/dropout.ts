/**
 * Dropout from the counter-based random stream: a kernel computes the n-th random word by itself, so the
 * mask is never stored, and it is the same on every device.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { CodedError } from "../errors.ts";
import type { Random } from "../random.ts";
import { Tensor } from "../tensor.ts";
import { mul } from "./elementwise.ts";
import { type Op, requireFloat, values } from "./op.ts";

/** Which elements to drop. */
export interface DropoutAttributes {
  /** Probability that an element becomes 0. */
  readonly rate: number;
  /** Key of the stream; element i takes word `i % 2` of Threefry's block `i / 2`. */
  readonly key: readonly [number, number];
}

/** Elements whose random word is below this are dropped. */
export function dropoutThreshold(rate: number): number {
  return Math.round(rate * 2 ** 32);
}

/** 0 with probability `rate`, else `x / (1 − rate)`. Linear in x, so its gradient is itself. */
export const dropoutOp: Op<DropoutAttributes> = {
  name: "dropout",
  family: "random",
  infer([x], { rate }) {
    requireFloat("dropout", [x!]);
    if (!(rate >= 0 && rate < 1)) {
      throw new CodedError("dropout.rate", `dropout: the rate must be in [0, 1), got ${rate}`);
    }
    return [x!];
  },
  saves: {},
  gradient: (g, _, { attributes }) => [apply(dropoutOp, [g], attributes)],
  samples: [
    { inputs: [values([5, 7, 3])], attributes: { rate: 0.3, key: [0x13198a2e, 0xf3707344] } },
    { inputs: [values([4])], attributes: { rate: 0, key: [1, 2] } },
  ],
  refusals: [{ inputs: [values([3])], attributes: { rate: 1, key: [0, 0] }, code: "dropout.rate" }],
};

const nextKey = (random: Random): [number, number] => [random.uint32(), random.uint32()];

/**
 * Sets elements to 0 with probability `rate` and scales the others by `1 / (1 − rate)`. Takes two words from
 * the stream.
 *
 * @throws {CodedError} `dropout.rate` for a rate outside [0, 1)
 */
export function dropout(x: Tensor, rate: number, random: Random): Tensor {
  return apply(dropoutOp, [x], { rate, key: nextKey(random) });
}

/**
 * Dropout of whole samples (stochastic depth): `x [N,…]` becomes 0 for a sample with probability `rate`.
 *
 * @throws {CodedError} `dropout.rate` for a rate outside [0, 1)
 */
export function dropPath(x: Tensor, rate: number, random: Random): Tensor {
  const ones = Tensor.full(x.device, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)], 1, x.dtype);
  return mul(x, apply(dropoutOp, [ones], { rate, key: nextKey(random) }));
}
