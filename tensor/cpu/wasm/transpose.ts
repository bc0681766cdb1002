/**
 * Four vectors as a square of numbers, mirrored at its diagonal.
 *
 * @module
 */

import { block, type Code, type Local, v128 } from "./instructions.ts";

/**
 * Transposes: `columns[i]` has lane i of each of the four rows. They are expressions of `pairs`, which `prepare`
 * sets.
 */
export function transpose(
  rows: readonly Code[],
  pairs: readonly Local[],
): { readonly prepare: Code; readonly columns: readonly Code[] } {
  const [a, b, c, d] = rows as [Code, Code, Code, Code];
  const [abLow, cdLow, abHigh, cdHigh] = pairs as [Local, Local, Local, Local];
  return {
    prepare: block(
      abLow.set(v128.shuffle(a, b, [0, 4, 1, 5])),
      cdLow.set(v128.shuffle(c, d, [0, 4, 1, 5])),
      abHigh.set(v128.shuffle(a, b, [2, 6, 3, 7])),
      cdHigh.set(v128.shuffle(c, d, [2, 6, 3, 7])),
    ),
    columns: [
      v128.shuffle(abLow.get, cdLow.get, [0, 1, 4, 5]),
      v128.shuffle(abLow.get, cdLow.get, [2, 3, 6, 7]),
      v128.shuffle(abHigh.get, cdHigh.get, [0, 1, 4, 5]),
      v128.shuffle(abHigh.get, cdHigh.get, [2, 3, 6, 7]),
    ],
  };
}
