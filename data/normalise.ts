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
  }
  | {
    /** Maps the foreground's percentiles to given ones, piecewise linearly (Nyúl and Udupa 1999). */
    readonly kind: "landmarks";
    /** The value for each of {@link landmarkPercents}, as `landmarksOf` averages over images; strictly rising. */
    readonly landmarks: readonly number[];
  };

/** The percentiles that histogram matching aligns. */
export const landmarkPercents: readonly number[] = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99];

/**
 * The mean landmarks of images: each image's foreground percentiles, scaled so that its lowest is 0 and its
 * highest 1, averaged.
 *
 * @param images raw intensities with their foreground masks
 */
export function landmarksOf(images: readonly { image: Float32Array; mask: Uint8Array }[]): number[] {
  const each = images.map(({ image, mask }) => {
    const marks = percentiles(image, landmarkPercents, mask);
    const low = marks[0]!, range = marks.at(-1)! - low;
    return marks.map((mark) => (mark - low) / range);
  });
  return landmarkPercents.map((_, at) => each.reduce((sum, marks) => sum + marks[at]!, 0) / each.length);
}

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
  if (normalisation.kind === "landmarks") {
    return {
      image: matchLandmarks(image, mask, normalisation.landmarks, what),
      background: normalisation.landmarks[0]!,
    };
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

/** Piecewise linear between the landmarks; what lies below the lowest or above the highest is clipped to it. */
function matchLandmarks(
  image: Float32Array,
  mask: Uint8Array,
  landmarks: readonly number[],
  what: string,
): Float32Array<ArrayBuffer> {
  const marks = percentiles(image, landmarkPercents, mask);
  if (!(marks.at(-1)! > marks[0]!)) {
    throw new DataError(
      "data.constant",
      `${what}: the foreground has no spread between its 1 % and 99 % points`,
      {
        fix: "A constant image cannot be matched: export it again, or take the case out of the manifest.",
      },
    );
  }
  const out = new Float32Array(image.length);
  for (let at = 0; at < out.length; at++) {
    const value = Math.min(marks.at(-1)!, Math.max(marks[0]!, image[at]!));
    let part = 0;
    while (part < marks.length - 2 && value > marks[part + 1]!) part++;
    const width = marks[part + 1]! - marks[part]!;
    const share = width > 0 ? (value - marks[part]!) / width : 1;
    out[at] = landmarks[part]! + share * (landmarks[part + 1]! - landmarks[part]!);
  }
  return out;
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
