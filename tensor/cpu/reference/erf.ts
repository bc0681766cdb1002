/**
 * The error function to float64 precision.
 *
 * @module
 */

const scale = 2 / Math.sqrt(Math.PI);

/**
 * `2/√π ∫₀ˣ e^(−t²) dt`: below 3 by the series `2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!`, above by Laplace's
 * continued fraction for the complement (Abramowitz & Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return scale * Math.exp(-x * x) * sum;
  }
  let tail = a;
  for (let n = 60; n >= 1; n--) tail = a + (n / 2) / tail;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * tail));
}
