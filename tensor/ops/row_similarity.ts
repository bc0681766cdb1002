/**
 * How similar two arrays are, row by row, forward and backward in one pass over them each: Dice and cosine, of which
 * losses between predictions and between features are made.
 *
 * @module
 */

import { apply, applyAll } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { sameShape, shapeText } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, requireFloat, values } from "./op.ts";

/** Attributes of a similarity. */
export interface RowSimilarityAttributes {
  /** `"dice"`: `(2 Σxy + ε) / (Σx² + Σy² + ε)`; `"cosine"`: `Σxy / √max(Σx² Σy², ε)`. */
  readonly measure: "dice" | "cosine";
  /** ε. */
  readonly epsilon: number;
}

/** Of a row. */
export interface RowSums {
  /** Σxy. */
  readonly xy: number;
  /** Σx². */
  readonly xx: number;
  /** Σy². */
  readonly yy: number;
}

/**
 * The similarity s of a row and the slopes a, b and c: `∂s/∂x = a y + b x`, `∂s/∂y = a x + c y`. Below the floor of
 * the cosine, the norms count as constants.
 */
export const similarityOf: Readonly<
  Record<
    RowSimilarityAttributes["measure"],
    (sums: RowSums, epsilon: number) => [number, number, number, number]
  >
> = {
  dice({ xy, xx, yy }, epsilon) {
    const size = xx + yy + epsilon, s = (2 * xy + epsilon) / size;
    return [s, 2 / size, -2 * s / size, -2 * s / size];
  },
  cosine({ xy, xx, yy }, epsilon) {
    const product = xx * yy, norms = Math.sqrt(Math.max(product, epsilon)), s = xy / norms;
    return product > epsilon ? [s, 1 / norms, -s / xx, -s / yy] : [s, 1 / norms, 0, 0];
  },
};

/** Of x and y `[…,L]`, sums over L. Outputs: the similarities `[…]`, and their slopes `[…,3]`. */
export const rowSimilarityOp: Op<RowSimilarityAttributes> = {
  name: "rowSimilarity",
  family: "loss",
  stores: "as-inferred",
  infer([x, y]) {
    requireFloat("rowSimilarity", [x!, y!]);
    if (x!.shape.length === 0 || !sameShape(x!.shape, y!.shape)) {
      throw new ShapeError(
        "shape.mismatch",
        `rowSimilarity: ${shapeText(x!.shape)} and ${shapeText(y!.shape)} are not the same rows`,
      );
    }
    const rows = x!.shape.slice(0, -1);
    return [{ shape: rows, dtype: "f32" }, { shape: [...rows, 3], dtype: "f32" }];
  },
  saves: { inputs: [0, 1], outputs: [1] },
  gradient: (g, [x, y], { outputs: [, slopes], attributes }) =>
    applyAll(rowSimilarityGradOp, [g, slopes!, x!, y!], attributes),
  samples: [
    { inputs: [values([2, 3, 37]), values([2, 3, 37])], attributes: { measure: "dice", epsilon: 1e-6 } },
    { inputs: [values([2, 3, 37]), values([2, 3, 37])], attributes: { measure: "cosine", epsilon: 1e-16 } },
    { inputs: [values([4, 5]), values([4, 5])], attributes: { measure: "cosine", epsilon: 1e6 } },
  ],
  refusals: [
    {
      inputs: [values([2, 3]), values([3, 2])],
      attributes: { measure: "dice", epsilon: 1 },
      code: "shape.mismatch",
    },
    { inputs: [values([]), values([])], attributes: { measure: "dice", epsilon: 1 }, code: "shape.mismatch" },
    {
      inputs: [labels([2], 2), values([2])],
      attributes: { measure: "dice", epsilon: 1 },
      code: "dtype.mismatch",
    },
  ],
};

/** Gradients for x and y from g `[…]`, the slopes, x and y. */
export const rowSimilarityGradOp: Op<RowSimilarityAttributes> = {
  name: "rowSimilarityGrad",
  family: "loss",
  infer: ([, , x, y]) => [x!, y!],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/**
 * Soft Dice of rows, `(2 Σxy + ε) / (Σx² + Σy² + ε)`.
 *
 * @param x `[…,L]`
 * @param y same shape
 * @returns `[…]`, in [0, 1] where x and y are
 * @throws {ShapeError} when the shapes differ
 */
export function rowDice(x: Tensor, y: Tensor, epsilon = 1e-6): Tensor {
  return apply<RowSimilarityAttributes>(rowSimilarityOp, [x, y], { measure: "dice", epsilon });
}

/**
 * Cosine of rows, `Σxy / √max(Σx² Σy², ε)`. The floor is under the root: the slope at a row of zeros stays finite.
 *
 * @param x `[…,L]`
 * @param y same shape
 * @returns `[…]`, in [−1, 1]
 * @throws {ShapeError} when the shapes differ
 */
export function rowCosine(x: Tensor, y: Tensor, epsilon = 1e-16): Tensor {
  return apply<RowSimilarityAttributes>(rowSimilarityOp, [x, y], { measure: "cosine", epsilon });
}
