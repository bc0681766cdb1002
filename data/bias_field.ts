/**
 * The slow change of brightness over an MR image that the receiving coil leaves.
 *
 * @module
 */

import type { Random } from "../tensor/random.ts";
import type { Triple } from "./affine.ts";

/**
 * Multiplies a volume by a smooth field around 1: `exp` of a random quadratic over the volume.
 *
 * @param image row-major, changed in place
 * @param strength standard deviation of the nine coefficients of the quadratic
 */
export function applyBiasField(
  image: Float32Array,
  [nx, ny, nz]: Triple,
  random: Random,
  strength: number,
): void {
  const [a, b, c, d, e, f, g, h, i] = Array.from({ length: 9 }, () => random.normal(0, strength)) as [
    ...[number, number, number],
    ...[number, number, number],
    ...[number, number, number],
  ];
  const place = (index: number, length: number) => length === 1 ? 0 : 2 * index / (length - 1) - 1;
  for (let x = 0, at = 0; x < nx; x++) {
    const u = place(x, nx);
    for (let y = 0; y < ny; y++) {
      const v = place(y, ny);
      const constant = a * u + b * v + d * u * v + g * u * u + h * v * v, slope = c + e * u + f * v;
      for (let z = 0; z < nz; z++, at++) {
        const w = place(z, nz);
        image[at] = image[at]! * Math.exp(constant + slope * w + i * w * w);
      }
    }
  }
}
