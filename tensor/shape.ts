/**
 * Shapes: sizes, strides, broadcasting, axes and the output sizes of convolutions. All tensors are dense
 * and row-major: the last axis varies fastest.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";

/** The sizes of a tensor's axes; `[]` is a scalar. */
export type Shape = readonly number[];

/** Three numbers, one for each of the axes D, H, W. */
export type Triple = readonly [number, number, number];

/** `[2,3,4]` for messages. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/**
 * The shape that several shapes broadcast to: aligned at the last axis, an axis of size 1 stretches.
 *
 * @throws {ShapeError} `shape.broadcast` when two sizes differ and neither is 1
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const at = rank - shape.length + axis;
      const n = shape[axis]!;
      if (n === result[at] || n === 1) continue;
      if (result[at] !== 1) {
        throw new ShapeError(
          "shape.broadcast",
          `${op}: shapes ${shapes.map(shapeText).join(" and ")} do not broadcast (axis ${at}: ${
            result[at]
          } against ${n})`,
          { fix: "Make the sizes equal, or 1 where the value repeats." },
        );
      }
      result[at] = n;
    }
  }
  return result;
}

/**
 * An axis counted from the front; negative axes count from the back.
 *
 * @throws {ShapeError} `shape.axis` when the tensor has no such axis
 */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError("shape.axis", `${op}: axis ${axis} does not exist in a tensor of rank ${rank}`, {
      fix: rank === 0 ? "A scalar has no axes." : `Use an axis from ${-rank} to ${rank - 1}.`,
    });
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * Sorted, distinct axes counted from the front; all axes when none are given.
 *
 * @throws {ShapeError} `shape.axis` for an axis that does not exist or stands twice
 */
export function normalizeAxes(op: string, axes: readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const sorted = axes.map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b);
  if (new Set(sorted).size !== sorted.length) {
    throw new ShapeError("shape.axis", `${op}: an axis stands twice in ${shapeText(axes)}`);
  }
  return sorted;
}

/** A triple from one number for all three axes, or as it is. */
export function triple(value: number | Triple): Triple {
  return typeof value === "number" ? [value, value, value] : value;
}

/** How a convolution window moves: one value for each of D, H, W. */
export interface Window3d {
  /** Step between outputs, in voxels. */
  readonly stride: Triple;
  /** Zeros added on both sides, in voxels. */
  readonly padding: Triple;
  /** Step between taps, in voxels. */
  readonly dilation: Triple;
}

/**
 * Output sizes of a convolution or pooling: `floor((n + 2p − d(k − 1) − 1) / s) + 1` for each axis.
 *
 * @throws {ShapeError} `shape.window` when the window does not fit
 */
export function windowOutput(op: string, size: Triple, kernel: Triple, window: Window3d): Triple {
  const { stride, padding, dilation } = window;
  const output = [0, 1, 2].map((axis) => {
    const span = dilation[axis]! * (kernel[axis]! - 1) + 1;
    return Math.floor((size[axis]! + 2 * padding[axis]! - span) / stride[axis]!) + 1;
  });
  if (output.some((n) => n < 1)) {
    throw new ShapeError(
      "shape.window",
      `${op}: a window of ${shapeText(kernel)} does not fit into ${shapeText(size)} with padding ${
        shapeText(padding)
      }`,
      { fix: "Use a larger input, a smaller kernel or more padding." },
    );
  }
  return output as unknown as Triple;
}
