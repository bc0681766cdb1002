/**
 * How far a float32 device may be from the float64 oracle.
 *
 * - Elementwise: relative 1.3e-6, absolute 1e-5; 1e-5 relative where WGSL grants its functions slack.
 * - Sums of L products: `2 ε √L ‖terms‖₂`, ε = 2⁻²⁴ (the statistical bound on rounding), the norm computed for
 *   each element by running the op on squared inputs, which gives the sum of squared terms. Convolutions by
 *   Winograd's filtering compute a tile of outputs from the terms of all of them: theirs is the largest norm in
 *   the tile, which matters where the tile reaches over the border of the input.
 * - Anything composed of these: 1e-5 relative, 1e-5 absolute.
 */

import assert from "node:assert/strict";
import type { AnyOp } from "../../tensor/ops/op.ts";

const epsilon = 2 ** -24;
const linearFamilies = new Set(["reduction", "matmul", "convolution"]);
const inexactFunctions = /exp|log|tanh|pow|erf|normalCdf|sin|cos/;

/** Whether each output is a plain sum of products, so that the bound needs the terms' norm. */
export function isSumOfProducts(op: AnyOp): boolean {
  return linearFamilies.has(op.family) && op.name !== "max" && op.name !== "min" &&
    op.name !== "extremumGrad";
}

/** Allowed distance of one element from its reference value. */
export function allowance(op: AnyOp, reference: number, terms: { squares: number; count: number } | null) {
  if (terms) {
    return 2 * epsilon * Math.sqrt(terms.count) * Math.sqrt(terms.squares) + epsilon * Math.abs(reference);
  }
  if (op.family === "layout" || op.family === "labels") return 0;
  const isExact = op.family === "elementwise" && !inexactFunctions.test(op.expression!);
  return 1e-5 + (isExact ? 1.3e-6 : 1e-5) * Math.abs(reference);
}

/** How far rounding to the nearest f16 moves a value: half a step of 2⁻¹⁰, or of 2⁻²⁴ below the normal range. */
export function f16Rounding(value: number): number {
  return 2 ** -11 * Math.abs(value) + 2 ** -25;
}

/** Asserts that values agree; NaN agrees with NaN, infinities with themselves. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  allowed: (i: number) => number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) continue;
    const distance = Math.abs(a - e);
    // The text is made for an error only: tests compare millions of elements.
    if (!(distance <= allowed(i))) {
      assert.fail(`${what}[${i}]: got ${a}, expected ${e}, distance ${distance} > ${allowed(i)}`);
    }
  }
}

/** Relative and absolute allowance around reference values, the absolute one on their scale. */
export function around(
  expected: ArrayLike<number>,
  relative: number,
  absolute: number,
): (i: number) => number {
  let scale = 0;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  return (i) => relative * Math.abs(expected[i]!) + absolute * Math.max(1, scale);
}
