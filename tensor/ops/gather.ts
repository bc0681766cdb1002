/**
 * Picking elements by index.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { normalizeAxis, shapeText } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { oneHot } from "./class_labels.ts";
import { matmul } from "./matmul.ts";
import { labels, type Op, values } from "./op.ts";

/**
 * `x[…, index[j], …]` along an axis, for `index [k]` (i32); indices outside give 0, as in `oneHot`.
 * The gradient is the product with the one-hot matrix of the indices, so equal indices add up in a fixed
 * order.
 */
export const gatherOp: Op<{ axis: number }> = {
  name: "gather",
  family: "layout",
  infer([x, index], { axis }) {
    normalizeAxis("gather", axis, x!.shape.length);
    if (index!.dtype !== "i32" || index!.shape.length !== 1 || x!.dtype !== "f32") {
      throw new ShapeError(
        "dtype.mismatch",
        `gather: needs f32 values and a list of i32 indices, got ${x!.dtype}${shapeText(x!.shape)} and ${
          index!.dtype
        }${shapeText(index!.shape)}`,
      );
    }
    return [{ shape: x!.shape.map((n, i) => i === axis ? index!.shape[0]! : n), dtype: "f32" }];
  },
  saves: { inputs: [1] },
  gradient: (g, [x, index], { attributes: { axis } }) => {
    const outer = g.shape.slice(0, axis).reduce((product, n) => product * n, 1);
    const rows = g.reshape([outer, index!.shape[0]!, -1]);
    const picks = oneHot(index!, x!.shape[axis]!); // [k,n]
    return [matmul(picks, rows, { transposeA: true }).reshape(x!.shape), null];
  },
  samples: [
    { inputs: [values([5, 3]), labels([7], 5)], attributes: { axis: 0 } },
    { inputs: [values([2, 4, 3]), labels([6], 5)], attributes: { axis: 1 } }, // 4 is outside
  ],
  refusals: [
    { inputs: [values([5, 3]), values([7])], attributes: { axis: 0 }, code: "dtype.mismatch" },
    { inputs: [values([5, 3]), labels([7], 5)], attributes: { axis: 2 }, code: "shape.axis" },
  ],
};

/** The elements of `x` at `index` (i32, one axis) along an axis; indices outside give 0. */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  return apply(gatherOp, [x, index], { axis: normalizeAxis("gather", axis, x.shape.length) });
}
