/**
 * Ops that change their outputs in place: what an optimiser does to parameters. They have no gradient.
 *
 * Optimiser ops take lists of tensors, so that one call, a few dispatches, serves all parameters. In a list of
 * n, targets come by kind: all parameters, then all first moments, and so on.
 *
 * @module
 */

import { sameShape, shapeText } from "../shape.ts";
import { ShapeError } from "../errors.ts";
import { type Op, requireFloat, type TensorSpec, values } from "./op.ts";

const noGradient = "an update has no gradient";

/** Refuses lists that do not go together: each list's k-th tensor must have the same shape. */
function requireAlike(name: string, tensors: readonly TensorSpec[], lists: number): void {
  requireFloat(name, tensors);
  const count = tensors.length / lists;
  if (!Number.isInteger(count)) {
    throw new ShapeError("op.inputs", `${name}: ${tensors.length} tensors do not make ${lists} lists`);
  }
  for (let k = 0; k < count; k++) {
    const shapes = Array.from({ length: lists }, (_, list) => tensors[list * count + k]!.shape);
    if (shapes.some((shape) => !sameShape(shape, shapes[0]!))) {
      throw new ShapeError("shape.mismatch", `${name}: shapes differ: ${shapes.map(shapeText).join(", ")}`);
    }
  }
}

/** An optimiser's row: a scalar factor and gradients come in; parameters and `states` lists are changed. */
function optimizerOp<A>(name: string, states: number, variants: readonly A[]): Op<A> {
  const lists = 2 + states;
  const sample = (attributes: A, shapes: readonly (readonly number[])[]) => ({
    inputs: [
      values([], 0.1, 1),
      ...Array.from({ length: lists }, (_, list) => shapes.map((shape) => values(shape, list < 2 ? -2 : 0)))
        .flat(),
    ],
    attributes,
  });
  return {
    name,
    family: "update",
    updates: (count) => (count - 1) / lists * (lists - 1),
    infer([factor, ...rest]) {
      requireFloat(name, [factor!]);
      requireAlike(name, rest, lists);
      return [];
    },
    saves: {},
    gradient: noGradient,
    samples: variants.flatMap((variant) => [
      sample(variant, [[3, 5]]),
      sample(variant, [[3, 5], [7], [], [0, 2], [4097]]),
    ]),
    refusals: [{
      inputs: [values([]), values([3]), values([4]), ...Array.from({ length: states }, () => values([3]))],
      attributes: variants[0]!,
      code: "shape.mismatch",
    }],
  };
}

/** Attributes of one step of Adam. */
export interface AdamAttributes {
  /** Learning rate. */
  readonly learningRate: number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Whether the decay acts on the parameter (AdamW) or is added to the gradient (Adam). */
  readonly isDecoupled: boolean;
  /** Number of this step, from 1. */
  readonly step: number;
}

/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019). Inputs: a scalar that multiplies the
 * gradients (for clipping by the global norm), the gradients. In place: parameters, first and second moments.
 * Decoupled: `p −= lr·wd·p`, otherwise `g += wd·p`; then `p −= lr · m̂ / (√v̂ + ε)` with bias-corrected moments.
 */
export const adamOp: Op<AdamAttributes> = optimizerOp(
  "adam",
  2,
  [true, false].map((isDecoupled) => ({
    learningRate: 1e-2,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    isDecoupled,
    step: 3,
  })),
);

/** Attributes of one step of gradient descent. */
export interface SgdAttributes {
  /** Learning rate. */
  readonly learningRate: number;
  /** What stays of the velocity. */
  readonly momentum: number;
  /** Whether the step looks ahead along the new velocity. */
  readonly isNesterov: boolean;
  /** Weight decay, added to the gradient. */
  readonly weightDecay: number;
}

/**
 * Gradient descent with momentum. Inputs: a scalar that multiplies the gradients, the gradients. In place:
 * parameters and velocities. `g += wd·p`, `v = μ·v + g`, `p −= lr·v`, with Nesterov `p −= lr·(g + μ·v)`.
 */
export const sgdOp: Op<SgdAttributes> = optimizerOp(
  "sgd",
  1,
  [true, false].map((isNesterov) => ({ learningRate: 1e-2, momentum: 0.9, isNesterov, weightDecay: 0.01 })),
);

/** In place `target = decay · target + (1 − decay) · x`, list by list: an exponential moving average. */
export const averageOp: Op<{ decay: number }> = {
  name: "average",
  family: "update",
  updates: (count) => count / 2,
  infer(tensors) {
    requireAlike("average", tensors, 2);
    return [];
  },
  saves: {},
  gradient: noGradient,
  samples: [
    { inputs: [values([3, 5]), values([3, 5])], attributes: { decay: 0.9 } },
    { inputs: [values([3, 5]), values([4]), values([3, 5]), values([4])], attributes: { decay: 0.6 } },
  ],
  refusals: [{ inputs: [values([3]), values([4])], attributes: { decay: 0.9 }, code: "shape.mismatch" }],
};

/** In place `target += x` for each of a list: all x first, then all targets. */
export const accumulateOp: Op<Readonly<Record<never, never>>> = {
  name: "accumulate",
  family: "update",
  updates: (count) => count / 2,
  infer(tensors) {
    requireAlike("accumulate", tensors, 2);
    return [];
  },
  saves: {},
  gradient: noGradient,
  samples: [
    { inputs: [values([3, 5]), values([3, 5])], attributes: {} },
    { inputs: [values([3, 5]), values([4]), values([3, 5]), values([4])], attributes: {} },
  ],
  refusals: [{ inputs: [values([3]), values([4])], attributes: {}, code: "shape.mismatch" }],
};
