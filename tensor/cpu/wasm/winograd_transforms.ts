/**
 * The matrices of minimal filtering as code, one line of vectors at a time.
 *
 * With points p that are 0, ±p₁ … and ∞, two polynomials are multiplied by their values: row p of A and of G is
 * `1, p, p² …`, that of ∞ the last unit vector; G is divided by the product of p's distances to the other finite
 * points, and Bᵀ inverts both. F(2, 3) has the points 0, ±1, ∞:
 *
 * ```text
 *      1  0 −1  0          1   0   0
 * Bᵀ = 0  1  1  0     G =  ½   ½   ½     Aᵀ = 1  1  1  0
 *      0 −1  1  0          ½  −½   ½          0  1 −1  1
 *      0 −1  0  1          0   0   1
 * ```
 *
 * F(4, 3) has 0, ±⅔, ±3⁄2, ∞: reciprocal points keep all numbers near 1. Measured over 32 channels in the plane,
 * the error is 10 ε of the terms' norm (root of the mean square), with the usual points 0, ±1, ±2, ∞ 22 ε, with
 * F(2, 3) 3.5 ε; ε = 2⁻²⁴.
 *
 * @module
 */

import { type Code, Local, locals, madd, type Statements, unroll } from "./emit/mod.ts";
import type { Size } from "./winograd.ts";

type Vector = Code<"f32x4">;

/** What a transform makes of a line: values, once `prepare` has run. */
interface Line {
  readonly prepare: Statements;
  readonly values: readonly Vector[];
}

/** A product of a matrix and a line of vectors. */
export type Transform = (line: readonly Vector[]) => Line;

/** The transforms of one axis. */
export interface Filtering {
  /** `Bᵀ d`: inputs to positions. */
  readonly input: Transform;
  /** `G g`: weights to positions. */
  readonly weight: Transform;
  /** `Aᵀ m`: positions to outputs. */
  readonly output: Transform;
  /** `A y`: the gradients of outputs to positions. */
  readonly gradient: Transform;
  /** `Gᵀ m`: positions to the gradients of weights. */
  readonly weightGradient: Transform;
}

/** Variables that are destructured: as many as there are values, none of more than six. */
type Six = readonly [Vector, Vector, Vector, Vector, Vector, Vector];

const keep = (values: readonly Vector[], variables: readonly Local<"f32x4">[]): Statements =>
  variables.map((variable, i) => variable.set(values[i]!));

/** The values of a line, values made of them that are used more than once, and the results. */
function inSteps(
  line: readonly Vector[],
  middle: (line: Six) => readonly Vector[],
  last: (line: Six, middle: Six) => readonly Vector[],
): Line {
  const first = locals("f32x4", line.length);
  const between = middle(first as readonly Vector[] as Six);
  const second = locals("f32x4", between.length);
  return {
    prepare: [keep(line, first), keep(between, second)],
    values: last(first as readonly Vector[] as Six, second as readonly Vector[] as Six),
  };
}

const nothing = () => [];

/** Values at two points ±p of a polynomial whose even part is given and whose odd part is p times the other. */
const bothSigns = (even: Vector, odd: Vector, p: number): [Vector, Vector] => [
  madd(odd, p, even),
  madd(odd, -p, even),
];

/** F(2, 3): two outputs of four inputs and three weights. */
export const twoOutputs: Filtering = {
  input: (line) => inSteps(line, nothing, ([a, b, c, d]) => [a.sub(c), b.add(c), c.sub(b), d.sub(b)]),
  weight: (line) =>
    inSteps(
      line,
      ([a, b, c]) => [a.add(c).mul(0.5), b.mul(0.5)],
      ([a, , c], [even, odd]) => [a, even.add(odd), even.sub(odd), c],
    ),
  output: (line) => inSteps(line, nothing, ([a, b, c, d]) => [b.add(c).add(a), b.sub(c).add(d)]),
  gradient: (line) => inSteps(line, nothing, ([a, b]) => [a, a.add(b), a.sub(b), b]),
  weightGradient: (line) =>
    inSteps(
      line,
      ([, b, c]) => [b.add(c).mul(0.5), b.sub(c).mul(0.5)],
      ([a, , , d], [even, odd]) => [a.add(even), odd, even.add(d)],
    ),
};

/** The points of F(4, 3) beside 0 and ∞ are ± these, p q = 1. */
const [p, q] = [2 / 3, 3 / 2];
const [pp, qq] = [p * p, q * q];
/** Products of their distances to the others. */
const [distancesOfP, distancesOfQ] = [2 * pp * (pp - qq), 2 * qq * (qq - pp)];

/** F(4, 3): four outputs of six inputs and three weights. */
export const fourOutputs: Filtering = {
  input: (line) =>
    inSteps(
      line,
      ([, b, c, d, e]) => [madd(c, -qq, e), madd(b, -qq, d), madd(c, -pp, e), madd(b, -pp, d)],
      ([a, b, c, d, e, f], [evenP, oddP, evenQ, oddQ]) => [
        madd(c, -pp - qq, a.add(e)),
        ...bothSigns(evenP, oddP, p),
        ...bothSigns(evenQ, oddQ, q),
        madd(d, -pp - qq, b.add(f)),
      ],
    ),
  weight: (line) =>
    inSteps(
      line,
      ([a, , c]) => [madd(c, pp, a).mul(1 / distancesOfP), madd(c, qq, a).mul(1 / distancesOfQ)],
      ([a, b, c], [evenP, evenQ]) => [
        a,
        ...bothSigns(evenP, b, p / distancesOfP),
        ...bothSigns(evenQ, b, q / distancesOfQ),
        c,
      ],
    ),
  output: (line) =>
    inSteps(
      line,
      ([, b, c, d, e]) => [b.add(c), b.sub(c), d.add(e), d.sub(e)],
      ([a, , , , , f], [evenP, oddP, evenQ, oddQ]) => [
        evenP.add(evenQ).add(a),
        madd(oddQ, q, oddP.mul(p)),
        madd(evenQ, qq, evenP.mul(pp)),
        madd(oddQ, q * qq, madd(oddP, p * pp, f)),
      ],
    ),
  gradient: (line) =>
    inSteps(
      line,
      ([a, b, c, d]) => [madd(c, pp, a), madd(d, pp, b), madd(c, qq, a), madd(d, qq, b)],
      ([a, , , d], [evenP, oddP, evenQ, oddQ]) => [
        a,
        ...bothSigns(evenP, oddP, p),
        ...bothSigns(evenQ, oddQ, q),
        d,
      ],
    ),
  weightGradient: (line) =>
    inSteps(
      line,
      ([, b, c, d, e]) => [
        b.add(c).mul(1 / distancesOfP),
        b.sub(c).mul(p / distancesOfP),
        d.add(e).mul(1 / distancesOfQ),
        d.sub(e).mul(q / distancesOfQ),
      ],
      ([a, , , , , f], [evenP, oddP, evenQ, oddQ]) => [
        evenP.add(evenQ).add(a),
        oddP.add(oddQ),
        madd(evenP, pp, madd(evenQ, qq, f)),
      ],
    ),
};

type Axis = 0 | 1 | 2;

/** A place in a box: plane, row and column. */
export type Place = readonly [z: number, y: number, x: number];

/**
 * Transforms a box of vectors along some axes in turn.
 *
 * @param steps axes and what is done along each, the first one first
 * @param read a vector of the box
 * @param write takes each line along the last axis, and where its i-th value is
 */
export function transformBox(
  size: Size,
  steps: readonly (readonly [Axis, Transform])[],
  read: (place: Place) => Vector,
  write: (values: readonly Vector[], place: (i: number) => Place) => Statements,
): Statements {
  const [[axis, transform], ...left] = steps as [readonly [Axis, Transform], ...typeof steps];
  const kept = new Map<string, Local<"f32x4">>();
  const keep: typeof write = (values, place) =>
    values.map((value, i) => {
      const variable = new Local("f32x4");
      kept.set(place(i).join(), variable);
      return variable.set(value);
    });
  let length = 0;
  const [planes, rows, columns] = size.map((n, a) => a === axis ? 1 : n) as [number, number, number];
  const code = unroll(planes, (z) =>
    unroll(rows, (y) =>
      unroll(columns, (x) => {
        const place = (i: number): Place => [z, y, x].map((n, a) => a === axis ? i : n) as unknown as Place;
        const { prepare, values } = transform(unroll(size[axis], (i) => read(place(i))));
        length = values.length;
        return [prepare, (left.length === 0 ? write : keep)(values, place)];
      })));
  if (left.length === 0) return code;
  const after = size.map((n, a) => a === axis ? length : n) as unknown as Size;
  return [code, transformBox(after, left, (place) => kept.get(place.join())!, write)];
}
