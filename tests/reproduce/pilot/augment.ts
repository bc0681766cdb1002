/**
 * The pilot's augmentation, which differs from the library's in its distributions: scale an axis, intensities about 0
 * instead of the patch's mean, noise in absolute units, volumes continued by their border.
 *
 * @module
 */

import { boxBlur } from "../../../data/blur.ts";
import type { Triple } from "../../../data/mod.ts";
import { Random } from "../../../tensor/mod.ts";
import { type PilotCase, volumeShape } from "./data.ts";

/** Voxels of a patch along i, j, k. */
export const patchShape: Triple = [24, 40, 32];
const patchVoxels = patchShape[0] * patchShape[1] * patchShape[2];

/** Positions in the volume of all voxels of a patch, `[V,3]`. */
export type Positions = Float32Array;

/** Rotation by up to 12° about each axis, scale e^±0.13 along each, and a place that may lie a voxel outside. */
export function randomPositions(random: Random): Positions {
  const angle = () => random.uniform(-12, 12) * Math.PI / 180;
  const [x, y, z] = [angle(), angle(), angle()] as const;
  const scale = [0, 1, 2].map(() => Math.exp(random.uniform(-0.13, 0.13)));
  const centre = volumeShape.map((n, axis) =>
    (n - 1) / 2 + random.uniform(-1, 1) * ((n - patchShape[axis]!) / 2 + 1)
  );
  const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((a) => [Math.cos(a), Math.sin(a)]) as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const rotation = [ // about the first axis after the second after the third
    [cy * cz, -cy * sz, sy],
    [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
    [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
  ];
  return positionsOf(rotation.map((row) => row.map((value, axis) => value * scale[axis]!)), centre);
}

/** Where a matrix takes the voxels of a patch, counted from its middle, to lie around a centre. */
export function positionsOf(matrix: readonly (readonly number[])[], centre: readonly number[]): Positions {
  const out = new Float32Array(3 * patchVoxels);
  const half = patchShape.map((n) => (n - 1) / 2);
  let at = 0;
  for (let i = 0; i < patchShape[0]; i++) {
    for (let j = 0; j < patchShape[1]; j++) {
      for (let k = 0; k < patchShape[2]; k++) {
        const from = [i - half[0]!, j - half[1]!, k - half[2]!] as const;
        for (let axis = 0; axis < 3; axis++) {
          const [a, b, c] = matrix[axis]!;
          out[at++] = a! * from[0] + b! * from[1] + c! * from[2] + centre[axis]!;
        }
      }
    }
  }
  return out;
}

/** Trilinear values; beyond the border its voxels go on. */
export function sampleImage(image: Float32Array, positions: Positions): Float32Array {
  const [ni, nj, nk] = volumeShape, out = new Float32Array(patchVoxels);
  const inside = (value: number, n: number) => Math.min(n - 1, Math.max(0, value));
  for (let at = 0; at < patchVoxels; at++) {
    const i = inside(positions[3 * at]!, ni), j = inside(positions[3 * at + 1]!, nj);
    const k = inside(positions[3 * at + 2]!, nk);
    const i0 = Math.min(ni - 2, Math.floor(i)), j0 = Math.min(nj - 2, Math.floor(j));
    const k0 = Math.min(nk - 2, Math.floor(k));
    const di = i - i0, dj = j - j0, dk = k - k0;
    const row = (from: number) => image[from]! + dk * (image[from + 1]! - image[from]!);
    const plane = (from: number) => row(from) + dj * (row(from + nk) - row(from));
    const first = (i0 * nj + j0) * nk + k0;
    out[at] = plane(first) + di * (plane(first + nj * nk) - plane(first));
  }
  return out;
}

/** The nearest label; background beyond the border. */
export function sampleLabels(labels: Uint8Array, positions: Positions): Uint8Array {
  const [ni, nj, nk] = volumeShape, out = new Uint8Array(patchVoxels);
  for (let at = 0; at < patchVoxels; at++) {
    const i = Math.round(positions[3 * at]!), j = Math.round(positions[3 * at + 1]!);
    const k = Math.round(positions[3 * at + 2]!);
    if (i < 0 || i >= ni || j < 0 || j >= nj || k < 0 || k >= nk) continue;
    out[at] = labels[(i * nj + j) * nk + k]!;
  }
  return out;
}

/** How far intensities are changed: gamma and contrast as logarithms, shift and noise in units of the image. */
export interface Ranges {
  readonly gamma: number;
  readonly contrast: number;
  readonly shift: number;
  readonly noise: number;
  /** Probability of a 3×3×3 mean. */
  readonly blur: number;
}

/** What students see. */
export const strong: Ranges = { gamma: 0.45, contrast: 0.35, shift: 0.4, noise: 0.28, blur: 0.3 };
/** What teachers and targets see. */
export const weak: Ranges = { gamma: 0.05, contrast: 0.05, shift: 0.05, noise: 0.03, blur: 0 };

/** Normal numbers drawn once, since drawing them anew would take as long as a step; read at a random place. */
const normals = (() => {
  const random = new Random(0x70_69_6c_6f_74);
  return Float32Array.from({ length: 1 << 18 }, () => random.normal());
})();

/** A copy with changed intensities. */
export function changed(
  patch: Float32Array,
  { gamma, contrast, shift, noise, blur }: Ranges,
  random: Random,
) {
  const exponent = Math.exp(random.uniform(-gamma, gamma)),
    factor = Math.exp(random.uniform(-contrast, contrast));
  const offset = random.uniform(-shift, shift), isBlurred = random.uniform() < blur;
  const grain = random.uniform() * noise, start = random.integer(normals.length);
  const stride = 2 * random.integer(normals.length / 2) + 1;
  let low = Infinity, high = -Infinity;
  for (const value of patch) low = Math.min(low, value), high = Math.max(high, value);
  const range = high - low;
  const out = patch.map((value) => {
    const share = Math.min(1, Math.max(1e-4, (value - low) / (range + 1e-6)));
    return (Math.pow(share, exponent) * range + low) * factor + offset;
  });
  if (isBlurred) boxBlur(out, patchShape);
  for (let at = 0; at < out.length; at++) {
    out[at] = out[at]! + grain * normals[(start + at * stride) & (normals.length - 1)]!;
  }
  return out;
}

/** One augmented patch: the same geometry in both modalities, intensities each by itself. */
export function cutPatch({ images, labels }: PilotCase, random: Random) {
  const positions = randomPositions(random.child("geometry"));
  const plain = images.map((image) => sampleImage(image, positions));
  const view = (ranges: Ranges, name: string) =>
    plain.map((patch, m) => changed(patch, ranges, random.child(`${name}/${m}`)));
  return {
    images: view(strong, "strong"),
    weakImages: view(weak, "weak"),
    labels: sampleLabels(labels, positions),
  };
}
