/** What the programs in tests/golden/model store of a tensor, and the numbers they make from seeds. */

import assert from "node:assert/strict";
import type { Tensor } from "../../tensor/mod.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { around, assertClose } from "../tensor/tolerance.ts";

/** Numbers in [−scale, scale) of a seed: a linear congruential generator. */
export function stream(shape: Shape, seed: number, scale = 1): Float64Array {
  let x = Number((BigInt(seed) * 2654435761n + 12345n) % 2n ** 32n);
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return scale * (x / 2 ** 31 - 1);
  });
}

/** Some values, the product with a stream, and the sum of squares. */
export interface Digest {
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly product: number;
  readonly squares: number;
}

/**
 * Asserts that a tensor is the one that was digested, to an error relative to its scale: the root mean square of its
 * elements, but at least `floor`, for what is 0 but for rounding.
 */
export async function assertDigest(
  actual: Tensor,
  expected: Digest,
  relative: number,
  what: string,
  floor = 1e-3,
): Promise<void> {
  assert.deepEqual(actual.shape, expected.shape, what);
  const data = Array.from(await actual.data());
  const step = Math.max(1, Math.floor(data.length / 7));
  const norm = Math.sqrt(expected.squares);
  const scale = Math.max(norm / Math.sqrt(data.length), floor);
  const picked = data.filter((_, i) => i % step === 0);
  assertClose(picked, expected.values, (i) => relative * (scale + Math.abs(expected.values[i]!)), what);
  const weights = stream([data.length], 99);
  const product = data.reduce((sum, value, i) => sum + value * weights[i]!, 0);
  assertClose(
    [product],
    [expected.product],
    () => relative * scale * Math.sqrt(data.length),
    `${what}, product`,
  );
  const squares = data.reduce((sum, value) => sum + value * value, 0);
  assertClose(
    [squares],
    [expected.squares],
    around([expected.squares], 2 * relative, 1e-9),
    `${what}, squares`,
  );
}
