/**
 * exp, log, tanh, erf, pow, sin and cos of four floats at once, within a few units in the last place. The series
 * are the textbook ones; the arguments are reduced until few terms reach float32 precision.
 *
 * Each function returns code that leaves the result; it may use new local variables.
 *
 * @module
 */

import { block, type Code, f32x4, i32x4, madd, v128 } from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";

type Unary = (locals: FunctionBuilder, x: Code) => Code;

const { add, sub, mul, div, abs, max, min } = f32x4;
const number = f32x4.const;

/** `c₀ + c₁ t + c₂ t² + …` by Horner's rule. `t` is evaluated once a term: give a local's code. */
function polynomial(t: Code, coefficients: readonly number[]): Code {
  return coefficients.slice(0, -1).reduceRight<Code>(
    (sum, c) => madd(sum, t, number(c)),
    number(coefficients.at(-1)!),
  );
}

// ln 2 in two parts: products of the first with small integers are exact in float32.
const ln2High = 0.693145751953125;
const ln2Low = Math.LN2 - ln2High;
const factorial = (n: number): number => n < 2 ? 1 : n * factorial(n - 1);

/** x = n ln 2 + r with |r| ≤ ½ ln 2: sets r and n (an integer vector) and leaves nothing. */
function reduceExponent(locals: FunctionBuilder, x: Code) {
  const [r, whole, n] = locals.locals("v128", 3);
  return {
    r: r!,
    n: n!,
    code: block(
      r!.set(x),
      whole!.set(f32x4.nearest(mul(r!.get, number(Math.LOG2E)))),
      n!.set(i32x4.fromFloat(whole!.get)),
      r!.set(madd(whole!.get, number(-ln2High), r!.get)),
      r!.set(madd(whole!.get, number(-ln2Low), r!.get)),
    ),
  };
}

/** 2ⁿ for n from −126 to 127, by its bits. */
const powerOfTwo = (n: Code): Code => i32x4.shl(i32x4.add(n, i32x4.const(127)), 23);

/** eˣ: overflows to infinity, underflows to 0, keeps NaN. */
export const exp: Unary = (locals, x) => {
  const { r, n, code } = reduceExponent(locals, max(min(x, number(89)), number(-104)));
  const half = locals.local("v128");
  return block(
    code,
    half.set(i32x4.shrS(n.get, 1)), // in two factors, since 2ⁿ itself may be out of range
    mul(
      mul(
        polynomial(r.get, [0, 1, 2, 3, 4, 5, 6, 7].map((k) => 1 / factorial(k))),
        powerOfTwo(half.get),
      ),
      powerOfTwo(i32x4.sub(n.get, half.get)),
    ),
  );
};

/** log x = e ln 2 + 2 artanh((m − 1) / (m + 1)) for x = m·2ᵉ, m from √½ to √2. */
export const log: Unary = (locals, x) => {
  const [value, scaled, bits, e, m, s, s2] = locals.locals("v128", 7);
  const tiny = f32x4.lt(value!.get, number(2 ** -126));
  const series = polynomial(s2!.get, [2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11]);
  const result = locals.local("v128");
  return block(
    value!.set(x),
    scaled!.set(v128.select(mul(value!.get, number(2 ** 24)), value!.get, tiny)), // subnormal numbers
    // Shifted so that the mantissa's range begins at √½.
    bits!.set(i32x4.sub(scaled!.get, i32x4.const(0x3f3504f3))),
    e!.set(f32x4.fromInt(i32x4.shrS(bits!.get, 23))),
    m!.set(
      i32x4.add(v128.and(bits!.get, i32x4.const(0x007fffff)), i32x4.const(0x3f3504f3)),
    ),
    e!.set(sub(e!.get, v128.and(number(24), tiny))),
    s!.set(div(sub(m!.get, number(1)), add(m!.get, number(1)))),
    s2!.set(mul(s!.get, s!.get)),
    result.set(
      madd(
        e!.get,
        number(ln2High),
        madd(number(2), s!.get, madd(mul(s!.get, s2!.get), series, mul(e!.get, number(ln2Low)))),
      ),
    ),
    // Infinity and NaN stay, 0 gives −∞, negative numbers NaN.
    result.set(v128.select(result.get, value!.get, f32x4.lt(value!.get, number(Infinity)))),
    result.set(v128.select(number(-Infinity), result.get, f32x4.eq(value!.get, v128.zero))),
    v128.select(number(NaN), result.get, f32x4.lt(value!.get, v128.zero)),
  );
};

/** tanh x = E / (E + 2) with E = e^{2|x|} − 1, computed without cancellation; the sign is put back. */
export const tanh: Unary = (locals, x) => {
  const value = locals.local("v128"), e = locals.local("v128"), scale = locals.local("v128");
  const twice = mul(min(abs(value.get), number(10)), number(2));
  const { r, n, code } = reduceExponent(locals, twice);
  const minusOne = mul(r.get, polynomial(r.get, [1, 2, 3, 4, 5, 6, 7, 8].map((k) => 1 / factorial(k))));
  return block(
    value.set(x),
    code,
    scale.set(powerOfTwo(n.get)),
    e.set(madd(scale.get, minusOne, sub(scale.get, number(1)))),
    v128.or(
      div(e.get, add(e.get, number(2))),
      v128.and(value.get, number(-0)),
    ),
  );
};

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

/** Below 1 the Taylor series, above it 1 − erfc; beyond 4.3 it is 1 in float32. */
export const erf: Unary = (locals, x) => {
  const [value, size, square, u, tail] = locals.locals("v128", 5);
  const series = polynomial(
    square!.get,
    Array.from(
      { length: 11 },
      (_, n) => 2 / Math.sqrt(Math.PI) * (n % 2 === 0 ? 1 : -1) / (factorial(n) * (2 * n + 1)),
    ),
  );
  return block(
    value!.set(x),
    size!.set(min(abs(value!.get), number(4.3))),
    square!.set(mul(size!.get, size!.get)),
    u!.set(div(number(1), madd(size!.get, number(0.5), number(1)))),
    u!.set(
      madd(u!.get, number(2 / (erfcHigh - erfcLow)), number(-(erfcHigh + erfcLow) / (erfcHigh - erfcLow))),
    ),
    tail!.set(
      sub(number(1), mul(exp(locals, sub(v128.zero, square!.get)), polynomial(u!.get, scaledErfc))),
    ),
    v128.or(
      v128.select(mul(size!.get, series), tail!.get, f32x4.lt(size!.get, number(1))),
      v128.and(value!.get, number(-0)),
    ),
  );
};

/** xʸ for x > 0. */
export function pow(locals: FunctionBuilder, x: Code, y: Code): Code {
  const exponent = locals.local("v128");
  return block(exponent.set(y), exp(locals, mul(exponent.get, log(locals, x))));
}

// π/2 in two parts, as for ln 2.
const quarterHigh = 1.57079315185546875;
const quarterLow = Math.PI / 2 - quarterHigh;

/** sin(x + shift·π/2) for |x| up to about 10⁴: reduced to a quarter turn, then one of two series. */
function sine(locals: FunctionBuilder, x: Code, shift: number): Code {
  const [r, whole, n, r2, odd] = locals.locals("v128", 5);
  const series = (first: number, terms: number) =>
    polynomial(
      r2!.get,
      Array.from({ length: terms }, (_, k) => (k % 2 === 0 ? 1 : -1) / factorial(2 * k + first)),
    );
  return block(
    r!.set(x),
    whole!.set(f32x4.nearest(mul(r!.get, number(2 / Math.PI)))),
    n!.set(i32x4.add(i32x4.fromFloat(whole!.get), i32x4.const(shift))),
    r!.set(madd(whole!.get, number(-quarterHigh), r!.get)),
    r!.set(madd(whole!.get, number(-quarterLow), r!.get)),
    r2!.set(mul(r!.get, r!.get)),
    odd!.set(i32x4.eq(v128.and(n!.get, i32x4.const(1)), i32x4.const(1))),
    v128.xor(
      v128.select(series(0, 6), mul(r!.get, series(1, 5)), odd!.get),
      i32x4.shl(v128.and(n!.get, i32x4.const(2)), 30), // the second half turn changes the sign
    ),
  );
}

/** Sine. */
export const sin: Unary = (locals, x) => sine(locals, x, 0);

/** Cosine. */
export const cos: Unary = (locals, x) => sine(locals, x, 1);
