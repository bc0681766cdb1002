/**
 * Walking over strided arrays, which is all that broadcasting, reductions and copies do.
 *
 * @module
 */

import type { Shape } from "../../shape.ts";
import { addressOf, quotient, remainder } from "./engine.ts";
import type { Code, Local } from "./instructions.ts";

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

/** `base` plus the place of a flat index over some axes (innermost first) in one view, in bytes. */
export function placeIn(
  base: Code,
  index: Local,
  axes: readonly { readonly size: number; readonly step: number }[],
): Code {
  let before = 1;
  const terms: [Code, number][] = [];
  axes.forEach(({ size, step }, i) => {
    const whole = quotient(index.get, before);
    // The outermost axis needs no remainder.
    terms.push([i === axes.length - 1 ? whole : remainder(whole, size), 4 * step]);
    before *= size;
  });
  return addressOf(base, ...terms);
}
