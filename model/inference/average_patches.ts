/**
 * Averages of what networks say about patches: over mirrored views, and over several networks.
 *
 * @module
 */

import type { PatchPredictor } from "../../eval/sliding_window.ts";
import type { Triple } from "../../tensor/shape.ts";

/** A patch `[…,d,h,w]` mirrored along the axes whose bits are set in `axes` (1 for d, 2 for h, 4 for w). */
function mirror(data: Float32Array, [d, h, w]: Triple, axes: number): Float32Array {
  const out = new Float32Array(data.length), size = d * h * w;
  const at = (index: number, length: number, bit: number) => axes & bit ? length - 1 - index : index;
  for (let start = 0; start < data.length; start += size) {
    for (let i = 0, to = start; i < d; i++) {
      for (let j = 0; j < h; j++) {
        const row = start + (at(i, d, 1) * h + at(j, h, 2)) * w;
        for (let k = 0; k < w; k++) out[to++] = data[row + at(k, w, 4)]!;
      }
    }
  }
  return out;
}

/** Adds `values / count` to each of `sums`; the first time they are made. */
function addShare(sums: Float32Array[], values: readonly Float32Array[], count: number): void {
  values.forEach((array, head) => {
    const sum = sums[head] ??= new Float32Array(array.length);
    for (let at = 0; at < sum.length; at++) sum[at]! += array[at]! / count;
  });
}

/**
 * The mean over a patch mirrored along every subset of some axes: test-time augmentation. The predictor is called
 * 2^n times as often for n axes.
 *
 * @param patch size of a patch, `[d,h,w]`
 * @param axes 0 for d, 1 for h, 2 for w
 */
export function mirrored(predict: PatchPredictor, patch: Triple, axes: readonly number[]): PatchPredictor {
  const all = axes.reduce((bits, axis) => bits | 1 << axis, 0);
  const subsets = Array.from({ length: 8 }, (_, bits) => bits).filter((bits) => (bits & ~all) === 0);
  return async (patches, count) => {
    const sums: Float32Array[] = [];
    for (const bits of subsets) {
      const outputs = await predict(patches.map((one) => mirror(one, patch, bits)), count);
      addShare(sums, outputs.map((one) => mirror(one, patch, bits)), subsets.length);
    }
    return sums;
  };
}

/** The mean over several predictors, one after the other. */
export function averaged(predictors: readonly PatchPredictor[]): PatchPredictor {
  if (predictors.length === 1) return predictors[0]!;
  return async (patches, count) => {
    const sums: Float32Array[] = [];
    for (const predict of predictors) addShare(sums, await predict([...patches], count), predictors.length);
    return sums;
  };
}
