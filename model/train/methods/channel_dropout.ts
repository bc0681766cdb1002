/**
 * Complementary channel dropout of two views: what one view lacks the other has (UniMatch V2, Yang et al., TPAMI 2025).
 *
 * @module
 */

import type { Device } from "../../../tensor/device.ts";
import { cast } from "../../../tensor/ops/layout.ts";
import type { Random } from "../../../tensor/random.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Encoded } from "../../unet.ts";

/**
 * Factors of the channels of two views, `[2N,C,1,1,1]`, the first view's samples first: each channel is doubled in one
 * view and 0 in the other, by the toss of a coin; of half the samples (rounded down), drawn at random, nothing is dropped.
 */
export function complementaryMasks(
  device: Device,
  samples: number,
  channels: number,
  random: Random,
): Tensor {
  const values = new Float32Array(2 * samples * channels).fill(1);
  const second = samples * channels;
  for (const sample of random.permutation(samples).slice(Math.floor(samples / 2))) {
    for (let at = sample * channels; at < (sample + 1) * channels; at++) {
      values[at] = 2 * random.integer(2);
      values[second + at] = 2 - values[at]!;
    }
  }
  return Tensor.from(device, values, [2 * samples, channels, 1, 1, 1]);
}

/**
 * What drops channels of an encoder's outputs, for a batch of two views, the first view's samples first. Every level
 * has masks of its own, which are the same for all modalities.
 */
export function dropComplementaryChannels(random: Random): (code: Encoded) => Encoded {
  const drop = (x: Tensor, level: number) => {
    const [samples, channels] = x.shape as [number, number];
    const masks = complementaryMasks(x.device, samples / 2, channels, random.child(`channels/${level}`));
    return x.mul(cast(masks, x.dtype));
  };
  return ({ features, skips }) => ({ features: drop(features, skips.length), skips: skips.map(drop) });
}
