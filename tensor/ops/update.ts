/**
 * Ops that change their outputs in place: what an optimiser does to parameters. They have no gradient.
 *
 * @module
 */

import { sameShape, shapeText } from "../shape.ts";
import { ShapeError } from "../errors.ts";
import { type Op, requireFloat, type TensorSpec, values } from "./op.ts";

const noGradient = "an update has no gradient";

function requireAlike(name: string, inputs: readonly TensorSpec[]): void {
  requireFloat(name, inputs);
  const [first] = inputs;
  if (inputs.some((input) => !sameShape(input.shape, first!.shape))) {
    throw new ShapeError(
      "shape.mismatch",
      `${name}: shapes differ: ${inputs.map((i) => shapeText(i.shape)).join(", ")}`,
    );
  }
}

/** Attributes of one AdamW step. */
export interface AdamWAttributes {
  /** Learning rate. */
  readonly learningRate: number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

/**
 * AdamW (Loshchilov & Hutter 2019). Inputs: the gradient and a scalar it is multiplied with (for clipping
 * by the global norm). In place: the parameter, the first and the second moment.
 * `p −= lr·wd·p`, then `p −= lr · m̂ / (√v̂ + ε)` with bias-corrected moments.
 */
export const adamWOp: Op<AdamWAttributes> = {
  name: "adamW",
  family: "update",
  updates: 3,
  infer([g, , p, m, v]) {
    requireAlike("adamW", [g!, p!, m!, v!]);
    return [];
  },
  saves: {},
  gradient: noGradient,
  samples: [{
    inputs: [values([3, 5]), values([], 0.1, 1), values([3, 5]), values([3, 5]), values([3, 5], 0, 1)],
    attributes: { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, step: 3 },
  }],
  refusals: [],
};

/** In place `target = decay · target + (1 − decay) · x`: an exponential moving average. */
export const averageOp: Op<{ decay: number }> = {
  name: "average",
  family: "update",
  updates: 1,
  infer([x, target]) {
    requireAlike("average", [x!, target!]);
    return [];
  },
  saves: {},
  gradient: noGradient,
  samples: [{ inputs: [values([3, 5]), values([3, 5])], attributes: { decay: 0.9 } }],
  refusals: [],
};

/** In place `target += x`. */
export const accumulateOp: Op<Readonly<Record<never, never>>> = {
  name: "accumulate",
  family: "update",
  updates: 1,
  infer([x, target]) {
    requireAlike("accumulate", [x!, target!]);
    return [];
  },
  saves: {},
  gradient: noGradient,
  samples: [{ inputs: [values([3, 5]), values([3, 5])], attributes: {} }],
  refusals: [],
};
