/**
 * The matrices of F(2, 3) as code, for one axis:
 *
 * ```text
 *      1  0 −1  0          1   0   0
 * Bᵀ = 0  1  1  0     G =  ½   ½   ½     Aᵀ = 1  1  1  0
 *      0 −1  1  0          ½  −½   ½          0  1 −1 −1
 *      0  1  0 −1          0   0   1
 * ```
 *
 * @module
 */

import { block, type Code, f32x4, type Local } from "./instructions.ts";

const { add, sub, mul, neg } = f32x4;
const half = f32x4.const(0.5);

/** `Bᵀ d`: the i-th of four results as a combination of four inputs; one input alone is not transformed. */
export function inputTerm(i: number, d: readonly Code[]): Code {
  if (d.length === 1) return d[0]!;
  return [sub(d[0]!, d[2]!), add(d[1]!, d[2]!), sub(d[2]!, d[1]!), sub(d[1]!, d[3]!)][i]!;
}

/** `A y`: the i-th of four results as a combination of the gradients of two outputs; one alone is left as it is. */
export function gradientTerm(i: number, [a, b]: readonly Code[]): Code {
  if (!b) return a!;
  return [a!, add(a!, b!), sub(a!, b!), neg(b!)][i]!;
}

/** A transform along one axis, in place. */
export type Transform = (line: readonly Local[], spare: Local) => Code;

/** `Aᵀ m`: four products to two outputs. */
export const outputTransform: Transform = ([a, b, c, d]) =>
  block(
    a!.set(add(a!.get, add(b!.get, c!.get))),
    b!.set(sub(sub(b!.get, c!.get), d!.get)),
  );

/** `G g`: three weights to four. */
export const weightTransform: Transform = ([a, b, c, d], spare) =>
  block(
    d!.set(c!.get),
    spare.set(mul(half, b!.get)),
    c!.set(mul(half, add(a!.get, c!.get))),
    b!.set(add(c!.get, spare.get)),
    c!.set(sub(c!.get, spare.get)),
  );

/** `Gᵀ m`: four sums of products to the gradients of three weights. */
export const weightGradientTransform: Transform = ([a, b, c, d], spare) =>
  block(
    spare.set(mul(half, add(b!.get, c!.get))),
    b!.set(mul(half, sub(b!.get, c!.get))),
    a!.set(add(a!.get, spare.get)),
    c!.set(add(spare.get, d!.get)),
  );

/**
 * Applies a transform along z, y or x (axis 0, 1 or 2) of a cube of up to 4 × 4 × 4 variables, to the lines that
 * start in its first `count` planes, rows and columns; the axis itself has count 1.
 */
export function along(
  axis: 0 | 1 | 2,
  transform: Transform,
  cube: readonly Local[],
  spare: Local,
  count: readonly [number, number, number],
): Code {
  const step = [16, 4, 1][axis]!;
  const lines: Code[] = [];
  for (let z = 0; z < count[0]; z++) {
    for (let y = 0; y < count[1]; y++) {
      for (let x = 0; x < count[2]; x++) {
        const first = 16 * z + 4 * y + x;
        lines.push(transform([0, 1, 2, 3].map((i) => cube[first + i * step]!), spare));
      }
    }
  }
  return block(...lines);
}
