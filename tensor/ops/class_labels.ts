/**
 * Ops between values and class ids.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, values } from "./op.ts";

const without = (shape: Shape, axis: number): number[] => shape.filter((_, i) => i !== axis);

/** Index of the largest value along an axis, the first at a tie; the axis disappears. */
export const argmaxOp: Op<{ axis: number }> = {
  name: "argmax",
  family: "labels",
  infer([x], { axis }) {
    normalizeAxis("argmax", axis, x!.shape.length);
    if (x!.shape[axis] === 0) throw new ShapeError("shape.empty", "argmax: the axis has size 0");
    return [{ shape: without(x!.shape, axis), dtype: "i32" }];
  },
  saves: {},
  gradient: "an index is piecewise constant",
  samples: [{ inputs: [values([2, 3, 4, 5])], attributes: { axis: 1 } }],
  refusals: [{ inputs: [values([2])], attributes: { axis: 1 }, code: "shape.axis" }],
};

/** 1 at the class id along a new axis of size `classes`, 0 elsewhere; ids outside give all 0. */
export const oneHotOp: Op<{ axis: number; classes: number }> = {
  name: "oneHot",
  family: "labels",
  infer([x], { axis, classes }) {
    if (x!.dtype !== "i32") {
      throw new ShapeError("dtype.mismatch", `oneHot: labels must be i32, got ${x!.dtype}`);
    }
    return [{ shape: [...x!.shape.slice(0, axis), classes, ...x!.shape.slice(axis)], dtype: "f32" }];
  },
  saves: {},
  gradient: "labels are integers",
  samples: [{ inputs: [labels([2, 3, 4], 3)], attributes: { axis: 1, classes: 3 } }],
  refusals: [{ inputs: [values([2, 3])], attributes: { axis: 1, classes: 3 }, code: "dtype.mismatch" }],
};

/** Index of the largest value along an axis (i32), the first at a tie; the axis disappears. */
export function argmax(x: Tensor, axis: number): Tensor {
  return apply(argmaxOp, [x], { axis: normalizeAxis("argmax", axis, x.shape.length) });
}

/** Class ids (i32) to 0/1 along a new axis of size `classes` at position `axis`. */
export function oneHot(x: Tensor, classes: number, axis = x.shape.length): Tensor {
  return apply(oneHotOp, [x], { axis, classes });
}
