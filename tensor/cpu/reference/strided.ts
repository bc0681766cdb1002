/**
 * Walking over strided arrays, which is all that layout kernels and broadcasting do.
 *
 * @module
 */

import { type Shape, stridesOf } from "../../shape.ts";
import { broadcastStrides, joinAxes } from "../../strides.ts";

/** How one array is seen: the offset of its first element and the step along each axis, in elements. */
export interface View {
  /** Offset of the element at index 0. */
  readonly start: number;
  /** Steps, one an axis; 0 repeats an element, a negative step goes backwards. */
  readonly strides: readonly number[];
}

/** A dense row-major array as a view. */
export function dense(shape: Shape, start = 0): View {
  return { start, strides: stridesOf(shape) };
}

/** An array of shape `from` seen with the larger shape `to`: axes of size 1 and missing axes repeat. */
export function broadcast(from: Shape, to: Shape): View {
  return { start: 0, strides: broadcastStrides(from, to) };
}

/**
 * Walks several views of one shape together, in row-major order, a row at a time: `row(offsets, length,
 * steps)` gets each view's offset of the row's first element and its step. Axes that lie behind each other
 * in all views are joined first, so rows are as long as can be.
 */
export function forRows(
  shape: Shape,
  views: readonly View[],
  row: (offsets: readonly number[], length: number, steps: readonly number[]) => void,
): void {
  if (shape.includes(0)) return;
  const { sizes, steps } = joinAxes(shape, views.map(({ strides }) => strides));
  const length = sizes[0] ?? 1;
  const rowSteps = steps[0] ?? views.map(() => 0);
  const offsets = views.map((view) => view.start);
  const index = sizes.map(() => 0);
  while (true) {
    row(offsets, length, rowSteps);
    let axis = 1;
    for (; axis < sizes.length; axis++) {
      const step = steps[axis]!;
      if (++index[axis]! < sizes[axis]!) {
        for (let v = 0; v < offsets.length; v++) offsets[v]! += step[v]!;
        break;
      }
      for (let v = 0; v < offsets.length; v++) offsets[v]! -= step[v]! * (sizes[axis]! - 1);
      index[axis] = 0;
    }
    if (axis >= sizes.length) return;
  }
}
