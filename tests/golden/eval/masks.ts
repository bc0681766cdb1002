/** Pairs of masks that the golden metrics are computed from; run it to write them as JSON for `metrics.py`. */

import { Random } from "../../../tensor/random.ts";

/** A predicted and a reference mask, row-major. */
export interface MaskSample {
  shape: [number, number, number];
  spacing: [number, number, number];
  prediction: number[];
  reference: number[];
}

const spacings: [number, number, number][] = [[1, 1, 1], [3, 2, 1], [0.7, 0.9, 5]]; // those of element_areas.json

/** 24 pairs: smooth blobs near and far from each other, single voxels, full volumes, equal ones. */
export function maskSamples(): MaskSample[] {
  return Array.from({ length: 24 }, (_, i) => {
    const random = new Random(77 + i);
    const shape: MaskSample["shape"] = [6 + random.integer(8), 6 + random.integer(9), 5 + random.integer(8)];
    const size = shape[0] * shape[1] * shape[2];
    const shared = blurred(random, shape), mix = [0.9, 0.6, 0][i % 3]!;
    const [prediction, reference] = [0, 1].map(() => {
      const own = blurred(random, shape), field = own.map((v, at) => mix * shared[at]! + (1 - mix) * v);
      const limit = field.toSorted((a, b) => a - b)[Math.floor((i % 4 === 0 ? 0.5 : 0.85) * size)]!;
      return field.map((v) => +(v > limit));
    }) as [number[], number[]];
    if (i === 5) prediction.fill(0)[random.integer(size)] = 1;
    if (i === 6) reference.fill(0)[0] = 1;
    if (i === 7) prediction.fill(1);
    if (i === 8) [prediction.fill(0)[0], reference.fill(0)[size - 1]] = [1, 1];
    if (i === 9) prediction.splice(0, size, ...reference);
    if (i === 10) prediction.fill(1)[0] = 0, reference.fill(1);
    return { shape, spacing: spacings[i % 3]!, prediction, reference };
  });
}

/** Noise, blurred three times along each axis. */
function blurred(random: Random, shape: MaskSample["shape"]): number[] {
  const strides = [shape[1] * shape[2], shape[2], 1];
  let field = Array.from({ length: shape[0] * shape[1] * shape[2] }, () => random.normal());
  for (let pass = 0; pass < 9; pass++) {
    const step = strides[pass % 3]!, length = shape[pass % 3]!;
    field = field.map((v, at) => {
      const place = Math.floor(at / step) % length;
      return (v + (place > 0 ? field[at - step]! : v) + (place < length - 1 ? field[at + step]! : v)) / 3;
    });
  }
  return field;
}

if (import.meta.main) console.log(JSON.stringify(maskSamples()));
