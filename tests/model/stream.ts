/** Numbers in [−scale, scale) that the programs in tests/golden/model make too. */

import { type Shape, sizeOf } from "../../tensor/shape.ts";

/** The stream of a seed: a linear congruential generator. */
export function stream(shape: Shape, seed: number, scale = 1): Float64Array {
  let x = Number((BigInt(seed) * 2654435761n + 12345n) % 2n ** 32n);
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return scale * (x / 2 ** 31 - 1);
  });
}
