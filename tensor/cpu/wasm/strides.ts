/**
 * Walking over strided arrays, which is all that broadcasting, reductions and copies do.
 *
 * @module
 */

import type { Shape } from "../../shape.ts";
import { joinAxes, type JoinedAxes } from "../../strides.ts";
import type { Code } from "./emit/mod.ts";

/** Joined axes, of which there is at least one: the row, along which loops run. */
export function joinRows(shape: Shape, views: readonly (readonly number[])[]): JoinedAxes {
  const joined = joinAxes(shape, views);
  return joined.sizes.length > 0 ? joined : { sizes: [1], steps: [views.map(() => 1)] };
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

/** Whether an axis is reduced: a second view does not move along it. */
export const isReduced = ({ steps }: JoinedAxes, axis: number): boolean => steps[axis]![1] === 0;

/** The axes that are reduced, or those that are kept. */
export function axesWhere(joined: JoinedAxes, which: "reduced" | "kept"): Axis[] {
  const all = joined.sizes.map((size, i) => ({ size, step: joined.steps[i]![0]! }));
  return all.filter((_, i) => isReduced(joined, i) === (which === "reduced"));
}
