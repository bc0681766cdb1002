/**
 * exp, log, tanh, erf, pow, sin and cos of four floats at once, within a few units in the last place. The series
 * are the textbook ones; the arguments are reduced until few terms reach float32 precision.
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
 * `e^{x²} erfc x` for x from 1 to 4.3 as a polynomial in u, where 1 / (1 + x/2) runs over [0.3175, 0.6667] and u
 * over [−1, 1]: a Chebyshev fit of degree 6, off by at most 3e-8.
 */
const scaledErfc = [
  0.24867552518844604,
  0.14651787281036377,
  0.029011081904172897,
  0.0033519503194838762,
  6.384838343365118e-5,
  -3.492442556307651e-5,
  -1.8109827806256362e-6,
];
const [erfcLow, erfcHigh] = [1 / 3.15, 2 / 3];

/** Coefficients of erf x / x in powers of x². */
const erfSeries = Array.from(
  { length: 11 },
  (_, n) => 2 / Math.sqrt(Math.PI) * (n % 2 === 0 ? 1 : -1) / (factorial(n) * (2 * n + 1)),
);

/** Below 1 the Taylor series, above it 1 − erfc; beyond 4.3 it is 1 in float32. */
export function erf(x: Floats): Floats {
  const { value, size, square } = declare({ value: "f32x4", size: "f32x4", square: "f32x4" });
  const { u, tail } = declare({ u: "f32x4", tail: "f32x4" });
  const width = erfcHigh - erfcLow;
  return after([
    value.set(x),
    size.set(value.abs().atMost(4.3)),
    square.set(size.mul(size)),
    u.set(f32x4.const(1).div(madd(size, 0.5, 1))),
    u.set(madd(u, 2 / width, -(erfcHigh + erfcLow) / width)),
    tail.set(f32x4.const(1).sub(exp(f32x4.const(0).sub(square)).mul(polynomial(u, scaledErfc)))),
  ], withSign(select(size.lt(1), size.mul(polynomial(square, erfSeries)), tail), value));
}

/** xʸ for x > 0. */
export function pow(x: Floats, y: Floats): Floats {
  const { exponent } = declare({ exponent: "f32x4" });
  return after([exponent.set(y)], exp(exponent.mul(log(x))));
}

// π/2 in two parts, as for ln 2.
const quarterHigh = 1.57079315185546875;
const quarterLow = Math.PI / 2 - quarterHigh;

/** sin(x + shift·π/2) for |x| up to about 10⁴: reduced to a quarter turn, then one of two series. */
function sine(x: Floats, shift: number): Floats {
  const { r, whole, r2 } = declare({ r: "f32x4", whole: "f32x4", r2: "f32x4" });
  const { n, odd } = declare({ n: "i32x4", odd: "i32x4" });
  const series = (first: number, terms: number) =>
    polynomial(
      r2,
      Array.from({ length: terms }, (_, k) => (k % 2 === 0 ? 1 : -1) / factorial(2 * k + first)),
    );
  return after([
    r.set(x),
    whole.set(r.mul(2 / Math.PI).nearest()),
    n.set(whole.toInteger().add(shift)),
    r.set(madd(whole, -quarterHigh, r)),
    r.set(madd(whole, -quarterLow, r)),
    r2.set(r.mul(r)),
    odd.set(n.and(1).eq(1)),
    // The second half turn changes the sign.
  ], select(odd, series(0, 6), r.mul(series(1, 5))).bits().xor(n.and(2).shl(30)).asFloat());
}

/** Sine. */
export const sin = (x: Floats): Floats => sine(x, 0);

/** Cosine. */
export const cos = (x: Floats): Floats => sine(x, 1);
