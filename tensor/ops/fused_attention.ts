/**
 * Attention as one row of the table: devices need not keep the scores of all queries and keys.
 *
 * @module
 */

import { applyAll } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, shapeText, sizeOf, type Triple } from "../shape.ts";
import { type Op, requireFloat, type TensorSpec, values } from "./op.ts";

/** The grids whose points ask and are asked. */
export interface AttentionAttributes {
  /** Sizes of the grid of queries along D, H, W. */
  readonly queries: Triple;
  /** Sizes of the grid of keys. */
  readonly keys: Triple;
}

/** The axes that a term of the scores stretches to: `[B,…queries,…keys]`. */
export function scoreAxes(batch: number, { queries, keys }: AttentionAttributes): Shape {
  return [batch, ...queries, ...keys];
}

function checkTerm(term: TensorSpec, axes: Shape): void {
  const { shape } = term;
  const fits = shape.length === 7 && shape.every((n, i) => n === axes[i] || (i > 0 && n === 1));
  if (!fits) {
    throw new ShapeError(
      "shape.positions",
      `attention: a term of the scores must be ${shapeText(axes)}, any but the first 1, got ${
        shapeText(shape)
      }`,
    );
  }
}

const products = ([q, k]: readonly Shape[]): number => sizeOf(q!) * k![1]!;

/**
 * `softmax(q kᵀ + Σ terms) v` for q `[B,Q,c]`, k and v `[B,K,c]`, and up to three terms `[B,…queries,…keys]`, any
 * of whose axes but the first may be 1.
 */
export const attentionOp: Op<AttentionAttributes> = {
  name: "attention",
  family: "softmax",
  infer([q, k, v, ...terms], attributes) {
    requireFloat("attention", [q!, k!, v!, ...terms]);
    const [batch, , c] = q!.shape;
    const [asked, given] = [sizeOf(attributes.queries), sizeOf(attributes.keys)];
    const expected = [[batch, asked, c], [batch, given, c], [batch, given, c]];
    if ([q!, k!, v!].some(({ shape }, i) => shapeText(shape) !== shapeText(expected[i] as Shape))) {
      throw new ShapeError(
        "shape.attention",
        `attention: queries ${shapeText(attributes.queries)} and keys ${
          shapeText(attributes.keys)
        } do not fit ${[q!, k!, v!].map(({ shape }) => shapeText(shape)).join(", ")}`,
      );
    }
    for (const term of terms) checkTerm(term, scoreAxes(batch!, attributes));
    return [{ shape: q!.shape, dtype: "f32" }];
  },
  multiplyAdds: (inputs) => 2 * products(inputs),
  saves: { inputs: "all" },
  gradient: (g, inputs, { attributes }) => applyAll(attentionGradOp, [g, ...inputs], attributes),
  samples: [
    {
      inputs: [values([2, 12, 5]), values([2, 12, 5]), values([2, 12, 5])],
      attributes: { queries: [2, 3, 2], keys: [2, 3, 2] },
    },
    {
      inputs: [
        ...[values([2, 6, 4]), values([2, 18, 4]), values([2, 18, 4])],
        ...[values([2, 1, 3, 2, 2, 1, 1]), values([2, 1, 3, 2, 1, 3, 1]), values([2, 1, 3, 2, 1, 1, 3])],
      ],
      attributes: { queries: [1, 3, 2], keys: [2, 3, 3] },
    },
    {
      inputs: [
        ...[values([1, 8, 3]), values([1, 8, 3]), values([1, 8, 3])],
        ...[values([1, 2, 2, 2, 1, 1, 2]), values([1, 2, 2, 1, 2, 1, 2]), values([1, 2, 2, 1, 1, 2, 2])],
      ],
      attributes: { queries: [2, 2, 2], keys: [2, 2, 2] },
    },
  ],
  refusals: [
    {
      inputs: [values([1, 4, 3]), values([1, 8, 3]), values([1, 8, 3])],
      attributes: { queries: [2, 2, 2], keys: [2, 2, 2] },
      code: "shape.attention",
    },
    {
      inputs: [values([1, 8, 3]), values([1, 8, 3]), values([1, 8, 3]), values([1, 2, 2, 2, 3, 1, 1])],
      attributes: { queries: [2, 2, 2], keys: [2, 2, 2] },
      code: "shape.positions",
    },
  ],
};

/** Gradients of `attention` for q, k, v and the terms, from g and its inputs; the scores are computed again. */
export const attentionGradOp: Op<AttentionAttributes> = {
  name: "attentionGrad",
  family: "softmax",
  infer: ([, ...inputs]) => inputs.map(({ shape }) => ({ shape, dtype: "f32" })),
  multiplyAdds: ([, ...inputs]) => 5 * products(inputs),
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};
