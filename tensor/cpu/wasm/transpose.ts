/**
 * Four vectors as a square of numbers, mirrored at its diagonal.
 *
 * @module
 */

import { type Code, declare, shuffle, type Statements } from "./emit/mod.ts";

/** Transposes: `columns[i]` has lane i of each of the four rows, once `prepare` has run. */
export function transpose(
  rows: readonly Code<"f32x4">[],
): { readonly prepare: Statements; readonly columns: readonly Code<"f32x4">[] } {
  const [a, b, c, d] = rows as [Code<"f32x4">, Code<"f32x4">, Code<"f32x4">, Code<"f32x4">];
  const v = "f32x4";
  const { abLow, cdLow, abHigh, cdHigh } = declare({ abLow: v, cdLow: v, abHigh: v, cdHigh: v });
  return {
    prepare: [
      abLow.set(shuffle(a, b, [0, 4, 1, 5])),
      cdLow.set(shuffle(c, d, [0, 4, 1, 5])),
      abHigh.set(shuffle(a, b, [2, 6, 3, 7])),
      cdHigh.set(shuffle(c, d, [2, 6, 3, 7])),
    ],
    columns: [
      shuffle(abLow, cdLow, [0, 1, 4, 5]),
      shuffle(abLow, cdLow, [2, 3, 6, 7]),
      shuffle(abHigh, cdHigh, [0, 1, 4, 5]),
      shuffle(abHigh, cdHigh, [2, 3, 6, 7]),
    ],
  };
}
