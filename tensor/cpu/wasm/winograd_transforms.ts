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

import type { Code, Local, Statements } from "./emit/mod.ts";

type Vector = Code<"f32x4">;

/** `Bᵀ d`: the i-th of four results as a combination of four inputs; one input alone is not transformed. */
export function inputTerm(i: number, d: readonly Vector[]): Vector {
  if (d.length === 1) return d[0]!;
  const [a, b, c, e] = d as [Vector, Vector, Vector, Vector];
  return [a.sub(c), b.add(c), c.sub(b), b.sub(e)][i]!;
}

/** `A y`: the i-th of four results as a combination of the gradients of two outputs; one alone is left as it is. */
export function gradientTerm(i: number, [a, b]: readonly Vector[]): Vector {
  if (!b) return a!;
  return [a!, a!.add(b), a!.sub(b), b.neg()][i]!;
}

type Line = readonly [Local<"f32x4">, Local<"f32x4">, Local<"f32x4">, Local<"f32x4">];

/** A transform along one axis, in place. */
export type Transform = (line: Line, spare: Local<"f32x4">) => Statements;

/** `Aᵀ m`: four products to two outputs. */
export const outputTransform: Transform = ([a, b, c, d]) => [
  a.set(a.add(b.add(c))),
  b.set(b.sub(c).sub(d)),
];

/** `G g`: three weights to four. */
export const weightTransform: Transform = ([a, b, c, d], spare) => [
  d.set(c),
  spare.set(b.mul(0.5)),
  c.set(a.add(c).mul(0.5)),
  b.set(c.add(spare)),
  c.set(c.sub(spare)),
];

/** `Gᵀ m`: four sums of products to the gradients of three weights. */
export const weightGradientTransform: Transform = ([a, b, c, d], spare) => [
  spare.set(b.add(c).mul(0.5)),
  b.set(b.sub(c).mul(0.5)),
  a.set(a.add(spare)),
  c.set(spare.add(d)),
];

/** The variables of a cube from `first` on, `step` apart. */
export function lineOf(cube: readonly Local<"f32x4">[], first: number, step: number): Line {
  return [0, 1, 2, 3].map((i) => cube[first + i * step]!) as unknown as Line;
}

/**
 * Applies a transform along z, y or x (axis 0, 1 or 2) of a cube of up to 4 × 4 × 4 variables, to the lines that
 * start in its first `count` planes, rows and columns; the axis itself has count 1.
 */
export function along(
  axis: 0 | 1 | 2,
  transform: Transform,
  cube: readonly Local<"f32x4">[],
  spare: Local<"f32x4">,
  count: readonly [number, number, number],
): Statements {
  const step = [16, 4, 1][axis]!;
  const lines: Statements[] = [];
  for (let z = 0; z < count[0]; z++) {
    for (let y = 0; y < count[1]; y++) {
      for (let x = 0; x < count[2]; x++) {
        lines.push(transform(lineOf(cube, 16 * z + 4 * y + x, step), spare));
      }
    }
  }
  return lines;
}
