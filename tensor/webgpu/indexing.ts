/**
 * WGSL for row-major index arithmetic. Sizes and strides are constants, so divisions become
 * multiplications.
 *
 * @module
 */

import { type Shape, stridesOf } from "../shape.ts";
import { broadcastStrides, joinAxes } from "../strides.ts";

/** Statements that take a row-major index apart into `<prefix>0`, `<prefix>1`, …, one for each axis. */
export function unravel(index: string, shape: Shape, prefix: string): string {
  const strides = stridesOf(shape);
  return shape.map((n, axis) => {
    const quotient = strides[axis] === 1 ? index : `${index} / ${strides[axis]}u`;
    const position = n === 1 ? "0u" : axis === 0 ? quotient : `(${quotient}) % ${n}u`;
    return `let ${prefix}${axis} = ${position};`;
  }).join(" ");
}

/** The expression `<prefix>0 · stride₀ + <prefix>1 · stride₁ + …` (u32). */
export function ravel(prefix: string, strides: readonly number[]): string {
  const terms = strides.flatMap((stride, axis) =>
    stride === 0 ? [] : [stride === 1 ? `${prefix}${axis}` : `${prefix}${axis} * ${stride}u`]
  );
  return terms.length === 0 ? "0u" : terms.join(" + ");
}

/** A WGSL array of constants. */
export function tableOf(numbers: readonly number[]): string {
  return `array<u32, ${numbers.length}>(${numbers.map((n) => `${n}u`).join()})`;
}

/** Axes walked together: sizes, and for each array the step along each of them. */
export interface Walk {
  /** Sizes. */
  readonly shape: readonly number[];
  /** For each array its strides; 0 where it repeats. */
  readonly strides: readonly (readonly number[])[];
}

/** How arrays of several shapes walk along a shape they broadcast to, with as few axes as possible. */
export function broadcastWalk(shape: Shape, shapes: readonly Shape[]): Walk {
  return mergeAxes({ shape, strides: shapes.map((own) => broadcastStrides(own, shape)) });
}

/** Drops axes of size 1 and joins neighbours that every array walks as if they were one. */
export function mergeAxes({ shape, strides }: Walk): Walk {
  const { sizes, steps } = joinAxes(shape, strides);
  return {
    shape: sizes.toReversed(),
    strides: strides.map((_, array) => steps.map((step) => step[array]!).toReversed()),
  };
}
