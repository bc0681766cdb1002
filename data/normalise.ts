/**
 * From raw intensities to what a network sees.
 *
 * @module
 */

import type { ModalityKind } from "./dataset.ts";
import { DataError } from "./errors.ts";

/** How the intensities of a modality are normalised. */
export type Normalisation =
  | {
    /** Clips to `[low, high]` and maps that range to `[0, 1]`. */
    readonly kind: "window";
    /** Lower end, in the unit of the image (HU for CT). */
    readonly low: number;
    /** Upper end. */
    readonly high: number;
  }
  | {
    /** Subtracts the mean of the foreground and divides by its standard deviation. */
    readonly kind: "zscore";
    /** Percentiles (0 … 100) of the foreground to clip to before. */
    readonly clipPercentiles?: readonly [number, number];
  };

/**
 * What is done when nobody says otherwise: CT is windowed to −175 … 250 HU, soft tissue; everything else is
 * z-scored over its foreground.
 */
export function defaultNormalisation(kind: ModalityKind): Normalisation {
  return kind === "ct" ? { kind: "window", low: -175, high: 250 } : { kind: "zscore" };
}

/**
 * A normalised copy of an image.
 *
 * @param image raw intensities
 * @param mask 1 for foreground, as from `foregroundMask`
 * @param what for messages, such as `case a (mr)`
 * @returns the copy, and the value that background is padded with
 * @throws {DataError} `data.constant` when the foreground of a z-scored image has no spread
 */
export function normalise(
  image: Float32Array,
  mask: Uint8Array,
  normalisation: Normalisation,
  what: string,
): { image: Float32Array<ArrayBuffer>; background: number } {
  if (normalisation.kind === "window") {
    const { low, high } = normalisation;
    const scale = 1 / (high - low);
    const out = new Float32Array(image.length);
    for (let at = 0; at < out.length; at++) {
      const value = (image[at]! - low) * scale;
      out[at] = value < 0 ? 0 : value > 1 ? 1 : value;
    }
    return { image: out, background: 0 };
  }
  const [low, high] = normalisation.clipPercentiles === undefined
    ? [-Infinity, Infinity]
    : percentiles(image, normalisation.clipPercentiles, mask);
  const clipped = (at: number) => Math.min(high!, Math.max(low!, image[at]!));
  let count = 0, sum = 0;
  for (let at = 0; at < image.length; at++) if (mask[at] === 1) count++, sum += clipped(at);
  const mean = sum / count;
  let squares = 0;
  for (let at = 0; at < image.length; at++) if (mask[at] === 1) squares += (clipped(at) - mean) ** 2;
  const deviation = Math.sqrt(squares / count);
  if (!(deviation > 1e-6 * Math.abs(mean) && deviation > 0)) {
    throw new DataError("data.constant", `${what}: all ${count} foreground voxels are ${mean}`, {
      fix: "A constant image cannot be z-scored: export it again, or take the case out of the manifest.",
    });
  }
  const out = new Float32Array(image.length);
  let background = Infinity;
  for (let at = 0; at < out.length; at++) {
    const value = (clipped(at) - mean) / deviation;
    out[at] = value;
    if (value < background) background = value;
  }
  const outside = mask.indexOf(0);
  return { image: out, background: outside === -1 ? background : out[outside]! };
}

/**
 * Percentiles of an image by linear interpolation between the order statistics, as numpy does it.
 *
 * @param percents 0 … 100
 * @param mask only voxels that are 1 in it count, where given
 */
export function percentiles(
  image: ArrayLike<number>,
  percents: readonly number[],
  mask?: Uint8Array,
): number[] {
  const values = Float64Array.from(image);
  let count = 0;
  for (let at = 0; at < values.length; at++) {
    if (mask === undefined || mask[at] === 1) values[count++] = values[at]!;
  }
  const sorted = values.subarray(0, count).sort();
  return percents.map((percent) => {
    const place = (count - 1) * percent / 100;
    const below = Math.floor(place), above = Math.min(count - 1, below + 1);
    return sorted[below]! + (sorted[above]! - sorted[below]!) * (place - below);
  });
}
