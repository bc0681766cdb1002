/**
 * Random changes of geometry and intensity, drawn from a stream so that a step can be repeated exactly.
 *
 * @module
 */

import type { Random } from "../tensor/random.ts";
import { Random as Stream } from "../tensor/random.ts";
import { type Affine, multiplyAffine, scalingAffine, type Triple } from "./affine.ts";
import { applyBiasField } from "./bias_field.ts";
import { boxBlur } from "./blur.ts";
import { elasticField } from "./elastic.ts";
import { sampleAffine, thickAxis } from "./resample.ts";

/** Ranges of the random changes. Every value is drawn uniformly from −range … range, or 0 … range. */
export interface Augmentation {
  /** Largest rotation about each axis, in degrees; across thick slices only within them. */
  readonly rotationDegrees: number;
  /** Largest change of size: the factor is `exp(±logScale)`; thick slices keep their distance. */
  readonly logScale: number;
  /** Axes (0, 1, 2) that may be mirrored. Leave out any axis along which anatomy has a side. */
  readonly flipAxes: readonly number[];
  /** Whether patches are also turned by quarter turns, about each axis across which voxels are square. */
  readonly quarterTurns: boolean;
  /** Standard deviation of a smooth deformation, in mm; 0 for none. */
  readonly elasticMm: number;
  /** Ranges of the intensity changes, drawn for each modality on its own. */
  readonly intensity: IntensityRanges;
}

/** Ranges of the intensity changes, in units of the patch's standard deviation where they have a unit. */
export interface IntensityRanges {
  /** Exponent `exp(±logGamma)` on the patch scaled to 0 … 1. */
  readonly logGamma: number;
  /** Factor `1 ± contrast` about the mean. */
  readonly contrast: number;
  /** Shift, in standard deviations. */
  readonly brightness: number;
  /** Probability of a 3 × 3 × 3 mean. */
  readonly blur: number;
  /** Probability that the patch is shown at half to full resolution. */
  readonly lowResolution: number;
  /** Strength of a multiplicative bias field, the standard deviation of its coefficients. */
  readonly bias: number;
  /** Standard deviation of added noise, in standard deviations of the patch, drawn from 0 … noise. */
  readonly noise: number;
}

/** Voxels are square across an axis when their sides differ by less than this share. */
const squareEnough = 0.05;

/** What is done when nobody says otherwise: no mirroring, since most anatomy has sides. */
export const defaultAugmentation: Augmentation = {
  rotationDegrees: 12,
  logScale: 0.13,
  flipAxes: [],
  quarterTurns: false,
  elasticMm: 0,
  intensity: {
    logGamma: 0.35,
    contrast: 0.3,
    brightness: 0.3,
    blur: 0.3,
    lowResolution: 0,
    bias: 0,
    noise: 0.25,
  },
};

/** Nothing is changed but the place of the crop. */
export const noAugmentation: Augmentation = {
  rotationDegrees: 0,
  logScale: 0,
  flipAxes: [],
  quarterTurns: false,
  elasticMm: 0,
  intensity: { logGamma: 0, contrast: 0, brightness: 0, blur: 0, lowResolution: 0, bias: 0, noise: 0 },
};

/** Every kind of change, in moderate ranges; for data sets whose anatomy has no sides. */
export const strongAugmentation: Augmentation = {
  rotationDegrees: 15,
  logScale: 0.15,
  flipAxes: [0, 1, 2],
  quarterTurns: true,
  elasticMm: 2,
  intensity: {
    logGamma: 0.4,
    contrast: 0.35,
    brightness: 0.35,
    blur: 0.3,
    lowResolution: 0.2,
    bias: 0.15,
    noise: 0.3,
  },
};

/** The weak view of a pair of views: an eighth of the ranges, neither blur nor loss of resolution. */
export function weaken({ logGamma, contrast, brightness, bias, noise }: IntensityRanges): IntensityRanges {
  return {
    logGamma: logGamma / 8,
    contrast: contrast / 8,
    brightness: brightness / 8,
    blur: 0,
    lowResolution: 0,
    bias: bias / 8,
    noise: noise / 8,
  };
}

/** Where the voxels of a patch come from. */
export interface Deformation {
  /** Patch voxel indices to voxel indices of the volume. */
  readonly map: Affine;
  /** Added to the mapped position, `[3,D,H,W]` in voxels of the volume. */
  readonly displacement?: Float32Array;
}

/**
 * A random map from the voxels of a patch to those of its volume.
 *
 * @param start the voxel where an unchanged patch would begin
 * @param spacing voxel size in mm, so that rotations are rigid in space and not in the index grid. Across thick slices,
 * more than 3 times as long as wide, a patch is neither turned nor scaled: what lies between them is not known
 */
export function randomGeometry(
  start: Triple,
  patch: Triple,
  spacing: Triple,
  { rotationDegrees, logScale, flipAxes, quarterTurns, elasticMm }: Augmentation,
  random: Random,
): Deformation {
  const half = patch.map((length) => (length - 1) / 2) as unknown as Triple;
  const centre: Triple = [start[0] + half[0], start[1] + half[1], start[2] + half[2]];
  const limit = rotationDegrees * Math.PI / 180;
  const thick = thickAxis(spacing);
  const turns = [0, 1, 2].map((axis) => {
    const angle = random.uniform(-limit, limit);
    return rotation(axis, thick === undefined || axis === thick ? angle : 0);
  });
  const factor = Math.exp(random.uniform(-logScale, logScale));
  const sign = (axis: number) =>
    (axis === thick ? 1 : factor) * (flipAxes.includes(axis) && random.uniform() < 0.5 ? -1 : 1);
  const scale = scalingAffine([sign(0), sign(1), sign(2)]);
  const quarters = quarterTurns
    ? [0, 1, 2].map((axis) => {
      const count = random.integer(4),
        [a, b] = spacing.filter((_, other) => other !== axis) as [number, number];
      return quarterTurn(axis, Math.abs(a / b - 1) < squareEnough ? count : 0);
    })
    : [];
  const toMm = scalingAffine(spacing);
  const fromMm = scalingAffine([1 / spacing[0], 1 / spacing[1], 1 / spacing[2]], centre);
  const shift = scalingAffine([1, 1, 1], [-half[0], -half[1], -half[2]]);
  const still = rotationDegrees === 0; // then mm are not needed, and voxels stay exactly on voxels
  const map = still
    ? [scalingAffine([1, 1, 1], centre), scale, ...quarters, shift].reduce(multiplyAffine)
    : [fromMm, ...turns, scale, toMm, ...quarters, shift].reduce(multiplyAffine);
  if (elasticMm === 0) return { map };
  return { map, displacement: elasticField(patch, spacing, elasticMm, random) };
}

/** A rotation by whole quarter turns, exact. */
function quarterTurn(axis: number, count: number): Affine {
  return rotation(axis, count * Math.PI / 2).map(Math.round);
}

function rotation(axis: number, angle: number): Affine {
  const c = Math.cos(angle), s = Math.sin(angle);
  const a = (axis + 1) % 3, b = (axis + 2) % 3;
  const matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  matrix[4 * a + a] = c, matrix[4 * a + b] = -s, matrix[4 * b + a] = s, matrix[4 * b + b] = c;
  return matrix;
}

/**
 * Changes the intensities of a patch in place.
 *
 * @param spacing voxel size in mm: thick slices are blurred and lose resolution each on its own
 */
export function changeIntensity(
  patch: Float32Array,
  shape: Triple,
  { logGamma, contrast, brightness, blur, lowResolution, bias, noise }: IntensityRanges,
  random: Random,
  spacing: Triple,
): void {
  const parts = thickAxis(spacing) === 0 ? slicesOf(patch, shape) : [{ data: patch, size: shape }];
  const exponent = Math.exp(random.uniform(-logGamma, logGamma));
  const factor = 1 + random.uniform(-contrast, contrast);
  const shift = random.uniform(-brightness, brightness);
  const grain = random.uniform(0, noise);
  const stride = 2 * random.integer(grainTable.length / 2) + 1, offset = random.integer(grainTable.length);
  if (random.uniform() < blur) parts.forEach(({ data, size }) => boxBlur(data, size));
  if (random.uniform() < lowResolution) {
    const loss = random.uniform(1, 2);
    parts.forEach(({ data, size }) => loseResolution(data, size, loss));
  }

  if (bias > 0) biasAboveLowest(patch, shape, bias, random);
  let low = Infinity, high = -Infinity, sum = 0, squares = 0;
  for (const value of patch) {
    if (value < low) low = value;
    if (value > high) high = value;
    sum += value;
    squares += value * value;
  }
  const mean = sum / patch.length;
  const deviation = Math.sqrt(Math.max(0, squares / patch.length - mean * mean));
  if (!(high > low)) return; // a patch of nothing but background
  const range = high - low;
  for (let at = 0; at < patch.length; at++) {
    let value = patch[at]!;
    if (exponent !== 1) value = low + range * Math.pow((value - low) / range, exponent);
    value = mean + factor * (value - mean) + shift * deviation;
    if (grain !== 0) {
      value += grain * deviation * grainTable[(offset + at * stride) & (grainTable.length - 1)]!;
    }
    patch[at] = value;
  }
}

/** Each slice of a patch, views over it. */
function slicesOf(
  patch: Float32Array,
  [depth, height, width]: Triple,
): { data: Float32Array; size: Triple }[] {
  const plane = height * width;
  return Array.from(
    { length: depth },
    (_, d) => ({ data: patch.subarray(d * plane, (d + 1) * plane), size: [1, height, width] }),
  );
}

/** Shows a patch as if it had been sampled on a grid coarser by a factor. */
function loseResolution(patch: Float32Array, shape: Triple, factor: number): void {
  const coarse = shape.map((length) => Math.max(1, Math.round(length / factor))) as unknown as Triple;
  const down = shape.map((length, axis) => length / coarse[axis]!) as unknown as Triple;
  const few = new Float32Array(coarse[0] * coarse[1] * coarse[2]);
  const centred = (step: Triple) =>
    scalingAffine(step, [(step[0] - 1) / 2, (step[1] - 1) / 2, (step[2] - 1) / 2]);
  sampleAffine(patch, shape, centred(down), few, coarse, "linear", 0);
  sampleAffine(few, coarse, centred([1 / down[0], 1 / down[1], 1 / down[2]]), patch, shape, "linear", 0);
}

/** A bias field acts on signal, which a normalised patch counts from its lowest value. */
function biasAboveLowest(patch: Float32Array, shape: Triple, strength: number, random: Random): void {
  const lowest = patch.reduce((least, value) => Math.min(least, value), Infinity);
  for (let at = 0; at < patch.length; at++) patch[at] = patch[at]! - lowest;
  applyBiasField(patch, shape, random, strength);
  for (let at = 0; at < patch.length; at++) patch[at] = patch[at]! + lowest;
}

/** Normal numbers drawn once; patches read them at a random place and stride, which is much faster than drawing. */
const grainTable = (() => {
  const random = new Stream(0x67_72_61_69_6e);
  return Float32Array.from({ length: 1 << 16 }, () => random.normal());
})();
