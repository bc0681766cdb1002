/**
 * Rows of length 1, of which cosines are matrix products.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, requireFloat, values } from "./op.ts";

/** Attributes of rows of length 1. */
export interface UnitRowsAttributes {
  /** ε, the least square of a norm; above 0. */
  readonly epsilon: number;
}

/** `x / √max(Σx², ε)` of rows x `[…,L]`. Outputs: the result, and the norms that it was divided by, `[…]`. */
export const unitRowsOp: Op<UnitRowsAttributes> = {
  name: "unitRows",
  family: "normalization",
  infer([x]) {
    requireFloat("unitRows", [x!]);
    if (x!.shape.length === 0) {
      throw new ShapeError("shape.rank", "unitRows: a scalar has no rows, expected […,L]");
    }
    return [{ shape: x!.shape, dtype: "f32" }, { shape: x!.shape.slice(0, -1), dtype: "f32" }];
  },
  saves: { outputs: [0, 1] },
  gradient: (g, _, { outputs: [y, norms], attributes }) => [
    apply(unitRowsGradOp, [g, y!, norms!], attributes),
  ],
  samples: [
    { inputs: [values([2, 3, 37])], attributes: { epsilon: 1e-16 } },
    { inputs: [values([4, 5])], attributes: { epsilon: 1e6 } },
  ],
  refusals: [
    { inputs: [values([])], attributes: { epsilon: 1 }, code: "shape.rank" },
    { inputs: [labels([2, 2], 2)], attributes: { epsilon: 1 }, code: "dtype.mismatch" },
  ],
};

/** From g, y and the norms n: `(g − y Σ g y) / n`, and `g / n` where n is the floor √ε, which is a constant. */
export const unitRowsGradOp: Op<UnitRowsAttributes> = {
  name: "unitRowsGrad",
  family: "normalization",
  infer: ([, y]) => [y!],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/**
 * Rows divided by their Euclidean norms, `x / √max(Σx², ε)`. The floor is under the root: the slope at a row of zeros
 * stays finite.
 *
 * @param x `[…,L]`
 * @returns the same shape
 * @throws {ShapeError} when x is a scalar
 */
export function unitRows(x: Tensor, epsilon = 1e-16): Tensor {
  return apply<UnitRowsAttributes>(unitRowsOp, [x], { epsilon });
}
