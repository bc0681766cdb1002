/**
 * Walking over strided arrays, which is all that broadcasting, reductions and copies do.
 *
 * @module
 */

import { type Shape, stridesOf } from "../../shape.ts";
import type { Code } from "./emit/mod.ts";

/** Axes of several views of one shape, innermost first, joined where they lie behind each other. */
export interface JoinedAxes {
  /** Sizes. */
  readonly sizes: readonly number[];
  /** For each axis the step of each view, in elements. */
  readonly steps: readonly (readonly number[])[];
}

/** Joins axes; there is at least one. */
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
  return sizes.length > 0 ? { sizes, steps } : { sizes: [1], steps: [views.map(() => 1)] };
}

/** Strides of an array of one shape seen with a larger shape: axes of size 1 and missing axes repeat. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]!);
}

/** An axis of a view: its size, and its step in elements. */
export interface Axis {
  readonly size: number;
  readonly step: number;
}

/** `base` plus the place of a flat index over some axes (innermost first), in bytes. */
export function placeOf(base: Code<"i32">, index: Code<"i32">, axes: readonly Axis[]): Code<"i32"> {
  let [place, before] = [base, 1];
  for (const [i, { size, step }] of axes.entries()) {
    const whole = index.div(before);
    const position = i === axes.length - 1 ? whole : whole.rem(size); // the outermost needs no remainder
    if (step !== 0) place = place.add(position.mul(4 * step));
    before *= size;
  }
  return place;
}
