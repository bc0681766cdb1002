/**
 * Random boxes, and mixing two batches of patches by one: the same box and partner for all modalities.
 *
 * @module
 */

import type { Device } from "../../../tensor/device.ts";
import type { Random } from "../../../tensor/random.ts";
import { sub } from "../../../tensor/ops/elementwise.ts";
import { cast, roll } from "../../../tensor/ops/layout.ts";
import { Tensor } from "../../../tensor/tensor.ts";

type Span = readonly [from: number, to: number];

function maskOf(device: Device, sizes: readonly number[], box: readonly Span[]): Tensor {
  const [d, h, w] = sizes as [number, number, number];
  const values = new Float32Array(d * h * w).fill(1);
  const [[d0, d1], [h0, h1], [w0, w1]] = box as [Span, Span, Span];
  for (let z = d0; z < d1; z++) {
    for (let y = h0; y < h1; y++) values.fill(0, (z * h + y) * w + w0, (z * h + y) * w + w1);
  }
  return Tensor.from(device, values, [1, 1, d, h, w]);
}

/** A mask `[1,1,D,H,W]`, 0 in a box of two thirds of each side at a random place, 1 elsewhere; as in BCP. */
export function copyPasteMask(device: Device, sizes: readonly number[], random: Random): Tensor {
  const box = sizes.map((n): Span => {
    const side = Math.floor(2 * n / 3), from = random.integer(n - side + 1);
    return [from, from + side];
  });
  return maskOf(device, sizes, box);
}

/** A number from Beta(4,4): the fourth smallest of seven uniform ones. */
function betaFourFour(random: Random): number {
  return Array.from({ length: 7 }, () => random.uniform()).sort((a, b) => a - b)[3]!;
}

/**
 * A mask `[1,1,D,H,W]`, 0 in a box of the share `√(1 − λ)` of each side, λ from Beta(4,4), whose centre lies anywhere
 * but in the first eighth and which is cut off at the border; as in AD-MT.
 */
export function cutMixMask(device: Device, sizes: readonly number[], random: Random): Tensor {
  const share = Math.sqrt(1 - betaFourFour(random));
  const box = sizes.map((n): Span => {
    const half = Math.floor(n * share / 2), centre = Math.floor(random.uniform(n / 8, n));
    return [Math.max(0, centre - half), Math.min(n, centre + half)];
  });
  return maskOf(device, sizes, box);
}

/** `a` where the mask is 1, `b` where it is 0. */
export function mixed(a: Tensor, b: Tensor, mask: Tensor): Tensor {
  return a.mul(mask).add(b.mul(sub(1, mask)));
}

/** A batch mixed with itself, each sample with the one before it. */
export function withNeighbour(x: Tensor, mask: Tensor): Tensor {
  return mixed(x, roll(x, 1, 0), mask);
}

/** As {@link mixed} for labels, i32 `[N,D,H,W]`; the mask is `[1,1,D,H,W]`. */
export function mixedLabels(a: Tensor, b: Tensor, mask: Tensor): Tensor {
  const [, , ...sizes] = mask.shape;
  const whole = mixed(cast(a, "f32"), cast(b, "f32"), mask.reshape([1, ...sizes]));
  return cast(whole, "i32");
}
