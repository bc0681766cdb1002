/**
 * exp, log, tanh, erf, the normal distribution and pow of four floats at once, within a few units in the last place. The series are the
 * textbook ones; the arguments are reduced until few terms reach float32 precision.
 *
 * @module
 */

import { after, type Code, declare, f32x4, i32x4, type Local, madd, select } from "./emit/mod.ts";

type Floats = Code<"f32x4">;

const signBit = i32x4.const(1 << 31);

/** The absolute value of one number with the sign of another. */
const withSign = (size: Floats, of: Floats): Floats => size.bits().or(of.bits().and(signBit)).asFloat();

/** `c₀ + c₁ t + c₂ t² + …` by Horner's rule. */
function polynomial(t: Local<"f32x4">, coefficients: readonly number[]): Floats {
  const [last, ...rest] = coefficients.toReversed();
  return rest.reduce<Floats>((sum, c) => madd(sum, t, c), f32x4.const(last!));
}

/** Numerator and denominator of `p / q`, without the last product of q: its last coefficient is divided out of both. */
function quotient(t: Local<"f32x4">, p: readonly number[], q: readonly number[]): readonly [Floats, Floats] {
  const last = q.at(-1)!, [next, ...rest] = q.slice(0, -1).map((c) => c / last).toReversed();
  return [
    polynomial(t, p.map((c) => c / last)),
    rest.reduce<Floats>((sum, c) => madd(sum, t, c), t.add(next!)),
  ];
}

// ln 2 in two parts: products of the first with small integers are exact in float32.
const ln2High = 0.693145751953125;
const ln2Low = Math.LN2 - ln2High;
const factorial = (n: number): number => n < 2 ? 1 : n * factorial(n - 1);

/** 1.5 · 2²³: a small float added to it is rounded to a whole number, which stands in its low bits. */
const rounder = 12582912;
const rounderBits = new Int32Array(new Float32Array([rounder]).buffer)[0]!;

/** x = n ln 2 + r with |r| ≤ ½ ln 2 for x of a few hundred at most: `code` sets r and n. */
function reduceExponent(x: Floats) {
  const { r, whole, n } = declare({ r: "f32x4", whole: "f32x4", n: "i32x4" });
  const code = [
    r.set(x),
    whole.set(r.mul(Math.LOG2E).add(rounder)),
    n.set(whole.bits().sub(rounderBits)),
    whole.set(whole.sub(rounder)),
    r.set(madd(whole, -ln2High, r)),
    r.set(madd(whole, -ln2Low, r)),
  ];
  return { r, n, code };
}

/** 2ⁿ for n from −126 to 127, by its bits. */
const powerOfTwo = (n: Code<"i32x4">): Floats => n.add(127).shl(23).asFloat();

/** eˣ: overflows to infinity, underflows to 0, keeps NaN. */
export function exp(x: Floats): Floats {
  const { r, n, code } = reduceExponent(x.atMost(89).atLeast(-104));
  const { half } = declare({ half: "i32x4" });
  const series = polynomial(r, [0, 1, 2, 3, 4, 5, 6, 7].map((k) => 1 / factorial(k)));
  return after(
    [code, half.set(n.shrSigned(1))], // in two factors, since 2ⁿ itself may be out of range
    series.mul(powerOfTwo(half)).mul(powerOfTwo(n.sub(half))),
  );
}

/** log x = e ln 2 + 2 artanh((m − 1) / (m + 1)) for x = m·2ᵉ, m from √½ to √2. */
export function log(x: Floats): Floats {
  const { value, e, m, s, s2, result } = declare({
    value: "f32x4",
    e: "f32x4",
    m: "f32x4",
    s: "f32x4",
    s2: "f32x4",
    result: "f32x4",
  });
  const { bits } = declare({ bits: "i32x4" });
  const rootHalf = 0x3f3504f3; // the bits of √½
  const tiny = value.lt(2 ** -126);
  const series = polynomial(s2, [2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11]);
  return after([
    value.set(x),
    // Subnormal numbers are scaled; the mantissa's range is shifted so that it begins at √½.
    bits.set(select(tiny, value.mul(2 ** 24), value).bits().sub(rootHalf)),
    e.set(bits.shrSigned(23).toFloat()),
    m.set(bits.and(0x007fffff).add(rootHalf).asFloat()),
    e.set(e.sub(f32x4.const(24).where(tiny))),
    s.set(m.sub(1).div(m.add(1))),
    s2.set(s.mul(s)),
    result.set(madd(e, ln2High, madd(2, s, madd(s.mul(s2), series, e.mul(ln2Low))))),
    // Infinity and NaN stay, 0 gives −∞, negative numbers NaN.
    result.set(select(value.lt(Infinity), result, value)),
    result.set(select(value.eq(0), -Infinity, result)),
  ], select(value.lt(0), NaN, result));
}

/** tanh x = E / (E + 2) with E = e^{2|x|} − 1, computed without cancellation; the sign is put back. */
export function tanh(x: Floats): Floats {
  const { value, e, scale } = declare({ value: "f32x4", e: "f32x4", scale: "f32x4" });
  const { r, n, code } = reduceExponent(value.abs().atMost(10).mul(2));
  const minusOne = r.mul(polynomial(r, [1, 2, 3, 4, 5, 6, 7, 8].map((k) => 1 / factorial(k))));
  return after([
    value.set(x),
    code,
    scale.set(powerOfTwo(n)),
    e.set(madd(scale, minusOne, scale.sub(1))),
  ], withSign(e.div(e.add(2)), value));
}

/**
 * erf x = x P(x²) / Q(x²) up to 3.92, beyond which it is 1 in float32: a fit of the least relative error, 2e-8.
 */
const erfP = [
  1.128379146190207,
  0.19037783885443083,
  0.05274560321881862,
  0.003764563398417207,
  0.000284889985007397,
  2.0507234490329707e-6,
];
const erfQ = [
  1,
  0.5020507091578765,
  0.11409788291322585,
  0.014967091778360146,
  0.0011623369438815779,
  3.8098657176122704e-5,
];

/** Where the fit reaches 1. */
const erfEnd = 3.9192;

/** The error function, off by at most six units in the last place. */
export function erf(x: Floats): Floats {
  const { value, square } = declare({ value: "f32x4", square: "f32x4" });
  const [p, q] = quotient(square, erfP, erfQ);
  return after(
    [value.set(x), square.set(value.mul(value).atMost(erfEnd ** 2))],
    value.mul(p).div(q).atMost(1).atLeast(-1),
  );
}

/** Scales the argument of a polynomial of squares: of the coefficients of t², those of `(scale · t)²`. */
const ofScaled = (coefficients: readonly number[], scale: number) =>
  coefficients.map((c, k) => c * scale ** (2 * k));

/** The standard normal distribution, `½ + ½ erf(x / √2)`: exactly 0 and 1 far out. */
export function normalCdf(x: Floats): Floats {
  const { value, square } = declare({ value: "f32x4", square: "f32x4" });
  const halved = erfP.map((c) => c * Math.SQRT1_2 / 2);
  const [p, q] = quotient(square, ofScaled(halved, Math.SQRT1_2), ofScaled(erfQ, Math.SQRT1_2));
  return after(
    [value.set(x), square.set(value.mul(value).atMost(2 * erfEnd ** 2))],
    value.mul(p).div(q).add(0.5).atMost(1).atLeast(0),
  );
}

/** xʸ for x > 0. */
export function pow(x: Floats, y: Floats): Floats {
  const { exponent } = declare({ exponent: "f32x4" });
  return after([exponent.set(y)], exp(exponent.mul(log(x))));
}
