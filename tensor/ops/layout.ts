/**
 * Ops that move elements without changing them: reshape, permute, slice, pad, concat, split, flip, roll, cast.
 *
 * @module
 */

import { apply, applyAll } from "../apply.ts";
import type { DType } from "../device.ts";
import { ShapeError } from "../errors.ts";
import { normalizeAxis, sameShape, type Shape, shapeText, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, values } from "./op.ts";

/** The same elements in another shape; shares memory with its input, so no kernel runs. */
export const reshapeOp: Op<{ shape: Shape }> = {
  name: "reshape",
  family: "layout",
  view: true,
  infer([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x!.shape)) {
      throw new ShapeError(
        "shape.size",
        `reshape: ${shapeText(x!.shape)} has ${sizeOf(x!.shape)} elements, ${shapeText(shape)} needs ${
          sizeOf(shape)
        }`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  saves: {},
  gradient: (g, [x]) => [reshape(g, x!.shape)],
  samples: [{ inputs: [values([2, 3, 4])], attributes: { shape: [4, 6] } }],
  refusals: [{ inputs: [values([2, 3])], attributes: { shape: [4, 2] }, code: "shape.size" }],
};

/** Reorders axes: output axis i is input axis `axes[i]`. */
export const permuteOp: Op<{ axes: readonly number[] }> = {
  name: "permute",
  family: "layout",
  infer([x], { axes }) {
    const sorted = [...axes].sort((a, b) => a - b);
    if (axes.length !== x!.shape.length || sorted.some((axis, i) => axis !== i)) {
      throw new ShapeError(
        "shape.axis",
        `permute: ${shapeText(axes)} is no order of the axes of ${shapeText(x!.shape)}`,
      );
    }
    return [{ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  saves: {},
  gradient: (g, _, { attributes: { axes } }) => {
    const inverse = new Array<number>(axes.length);
    axes.forEach((axis, i) => inverse[axis] = i);
    return [permute(g, inverse)];
  },
  samples: [
    { inputs: [values([2, 3, 4])], attributes: { axes: [2, 0, 1] } },
    { inputs: [values([2, 3, 4, 2, 3])], attributes: { axes: [0, 2, 3, 4, 1] } },
  ],
  refusals: [{ inputs: [values([2, 3])], attributes: { axes: [0, 0] }, code: "shape.axis" }],
};

/** A box of a tensor: from `starts`, `sizes` elements along each axis. */
export const sliceOp: Op<{ starts: readonly number[]; sizes: readonly number[] }> = {
  name: "slice",
  family: "layout",
  infer([x], { starts, sizes }) {
    const { shape } = x!;
    const fits = starts.length === shape.length && sizes.length === shape.length &&
      starts.every((start, axis) => start >= 0 && sizes[axis]! >= 0 && start + sizes[axis]! <= shape[axis]!);
    if (!fits) {
      throw new ShapeError(
        "shape.slice",
        `slice: from ${shapeText(starts)}, sizes ${shapeText(sizes)} is outside ${shapeText(shape)}`,
      );
    }
    return [{ shape: [...sizes], dtype: x!.dtype }];
  },
  saves: {},
  gradient: (g, [x], { attributes: { starts, sizes } }) => [
    pad(g, starts, x!.shape.map((n, axis) => n - starts[axis]! - sizes[axis]!)),
  ],
  samples: [{ inputs: [values([3, 4, 5])], attributes: { starts: [1, 0, 2], sizes: [2, 4, 3] } }],
  refusals: [{ inputs: [values([3])], attributes: { starts: [2], sizes: [2] }, code: "shape.slice" }],
};

/** Adds a border of a constant value: `before` and `after` elements along each axis. */
export const padOp: Op<{ before: readonly number[]; after: readonly number[]; value: number }> = {
  name: "pad",
  family: "layout",
  infer([x], { before, after }) {
    const { shape } = x!;
    if (
      before.length !== shape.length || after.length !== shape.length ||
      [...before, ...after].some((n) => n < 0)
    ) {
      throw new ShapeError(
        "shape.pad",
        `pad: borders ${shapeText(before)} and ${shapeText(after)} do not fit ${shapeText(shape)}`,
      );
    }
    return [{ shape: shape.map((n, axis) => before[axis]! + n + after[axis]!), dtype: x!.dtype }];
  },
  saves: {},
  gradient: (g, [x], { attributes: { before } }) => [slice(g, before, x!.shape)],
  samples: [{ inputs: [values([2, 3, 4])], attributes: { before: [1, 0, 2], after: [0, 2, 1], value: 0.5 } }],
  refusals: [{
    inputs: [values([3])],
    attributes: { before: [-1], after: [0], value: 0 },
    code: "shape.pad",
  }],
};

/** Joins tensors along an axis. */
export const concatOp: Op<{ axis: number }> = {
  name: "concat",
  family: "layout",
  infer(inputs, { axis }) {
    const [first] = inputs;
    for (const input of inputs) {
      const fits = input.dtype === first!.dtype && input.shape.length === first!.shape.length &&
        input.shape.every((n, i) => i === axis || n === first!.shape[i]);
      if (!fits) {
        throw new ShapeError(
          "shape.concat",
          `concat: ${
            inputs.map((i) => i.dtype + shapeText(i.shape)).join(" and ")
          } differ outside axis ${axis}`,
        );
      }
    }
    const total = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
    return [{ shape: first!.shape.map((n, i) => i === axis ? total : n), dtype: first!.dtype }];
  },
  saves: {},
  gradient: (g, inputs, { attributes: { axis }, wants }) => {
    const sizes = inputs.map(({ shape }) => shape[axis]!);
    if (wants.every((wanted) => wanted)) return applyAll(splitOp, [g], { axis, sizes });
    let start = 0;
    return sizes.map((size, i) => {
      const from = start;
      start += size;
      return wants[i] ? g.narrow(axis, from, size) : null;
    });
  },
  samples: [
    { inputs: [values([2, 3, 4]), values([2, 1, 4])], attributes: { axis: 1 } },
    { inputs: [values([3, 2]), values([3, 2]), values([3, 5])], attributes: { axis: 1 } },
  ],
  refusals: [{ inputs: [values([2, 3]), values([3, 3])], attributes: { axis: 1 }, code: "shape.concat" }],
};

/** The parts of a tensor along an axis, of the given sizes. */
export const splitOp: Op<{ axis: number; sizes: readonly number[] }> = {
  name: "split",
  family: "layout",
  differentiable: "all",
  infer([x], { axis, sizes }) {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total !== x!.shape[axis] || sizes.length === 0 || sizes.some((size) => size < 0)) {
      throw new ShapeError(
        "shape.split",
        `split: parts of ${sizes.join(", ")} are ${total} in all, ${shapeText(x!.shape)} has ${
          x!.shape[axis]
        } on axis ${axis}`,
      );
    }
    return sizes.map((size) => ({ shape: x!.shape.map((n, i) => i === axis ? size : n), dtype: x!.dtype }));
  },
  saves: {},
  gradient(_, [x], { outputs, gradients, attributes: { axis, sizes } }) {
    const total = x!.shape[axis]!, along = (n: number) => x!.shape.map((_, at) => at === axis ? n : 0);
    if (outputs.every((_, i) => gradients[i])) return [concat(gradients as Tensor[], axis)];
    let start = 0;
    const placed = sizes.map((size, i) => {
      const before = start;
      start += size;
      return gradients[i] ? pad(gradients[i], along(before), along(total - start)) : undefined;
    });
    return [placed.filter((part) => part !== undefined).reduce((sum, part) => sum.add(part))];
  },
  samples: [
    { inputs: [values([2, 4, 4])], attributes: { axis: 1, sizes: [3, 1] } },
    { inputs: [values([4, 3])], attributes: { axis: 0, sizes: [1, 2, 1] } },
  ],
  refusals: [{ inputs: [values([2, 3])], attributes: { axis: 1, sizes: [2, 2] }, code: "shape.split" }],
};

/** Reverses the order along axes. */
export const flipOp: Op<{ axes: readonly number[] }> = {
  name: "flip",
  family: "layout",
  infer([x], { axes }) {
    axes.forEach((axis) => normalizeAxis("flip", axis, x!.shape.length));
    return [x!];
  },
  saves: {},
  gradient: (g, _, { attributes: { axes } }) => [flip(g, axes)],
  samples: [{ inputs: [values([2, 3, 4])], attributes: { axes: [0, 2] } }],
  refusals: [{ inputs: [values([3])], attributes: { axes: [1] }, code: "shape.axis" }],
};

const isFloat = (dtype: DType) => dtype !== "i32";

/** Converts the element type; to i32 it rounds toward zero. */
export const castOp: Op<{ dtype: DType }> = {
  name: "cast",
  family: "layout",
  stores: "as-inferred",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  saves: {},
  gradient: (g, [x], { attributes: { dtype } }) => [isFloat(x!.dtype) && isFloat(dtype) ? g : null],
  samples: [{ inputs: [values([3, 4])], attributes: { dtype: "f32" } }],
  refusals: [],
};

/** The same elements in another shape; one size may be −1 and follows from the others. Shares memory. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, n) => n === -1 ? product : product * n, 1);
  const full = shape.map((n) => n === -1 ? sizeOf(x.shape) / known : n);
  return sameShape(x.shape, full) ? x : apply(reshapeOp, [x], { shape: full });
}

/** Reorders axes: output axis i is input axis `axes[i]`. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return apply(permuteOp, [x], { axes });
}

/** A box of `sizes` elements that begins at `starts`. */
export function slice(x: Tensor, starts: readonly number[], sizes: readonly number[]): Tensor {
  return apply(sliceOp, [x], { starts, sizes });
}

/** Adds a constant border. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  return [...before, ...after].every((n) => n === 0) ? x : apply(padOp, [x], { before, after, value });
}

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  return apply(concatOp, tensors, { axis: normalizeAxis("concat", axis, tensors[0]!.shape.length) });
}

/**
 * The parts of a tensor along an axis, one after the other.
 *
 * @throws {ShapeError} `shape.split` when the sizes are not the whole axis
 */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  return applyAll(splitOp, [x], { axis: normalizeAxis("split", axis, x.shape.length), sizes });
}

/** Reverses the order along axes. */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  return apply(flipOp, [x], { axes: axes.map((axis) => normalizeAxis("flip", axis, x.shape.length)) });
}

/**
 * Converts the element type: to i32 it rounds toward zero, to f16 to the nearest, and beyond ±65504 to infinity.
 *
 * @throws {DeviceError} `dtype.unsupported` for f16 on a device that does not store it
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(castOp, [x], { dtype });
}

/** Shifts elements along an axis toward higher indices; those pushed out come in again at the other end. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const at = normalizeAxis("roll", axis, x.shape.length);
  const n = x.shape[at]!;
  const wrapped = n === 0 ? 0 : ((shift % n) + n) % n;
  return wrapped === 0 ? x : concat([x.narrow(at, n - wrapped), x.narrow(at, 0, n - wrapped)], at);
}
