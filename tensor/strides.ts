/**
 * Arrays seen with other shapes, and axes that can be walked as one.
 *
 * @module
 */

import { type Shape, stridesOf } from "./shape.ts";

/** Strides of an array of one shape seen with a larger shape: axes of size 1 and missing axes repeat. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]!);
}

/** Axes of several views of one shape, innermost first. */
export interface JoinedAxes {
  /** Sizes. */
  readonly sizes: readonly number[];
  /** For each axis the step of each view, in elements. */
  readonly steps: readonly (readonly number[])[];
}

/** Drops axes of size 1 and joins neighbours that lie behind each other in every view. */
export function joinAxes(shape: Shape, views: readonly (readonly number[])[]): JoinedAxes {
  const sizes: number[] = [];
  const steps: number[][] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    const step = views.map((strides) => strides[axis]!);
    const inner = sizes.length - 1;
    if (inner >= 0 && step.every((s, v) => s === steps[inner]![v]! * sizes[inner]!)) {
      sizes[inner]! *= shape[axis]!;
    } else {
      sizes.push(shape[axis]!);
      steps.push(step);
    }
  }
  return { sizes, steps };
}
