/**
 * A case as training and inference use it: normalised, cropped to the patient, optionally resampled; and the
 * way back to the grid it came from.
 *
 * @module
 */

import { type Affine, multiplyAffine, scalingAffine, type Triple } from "./affine.ts";
import {
  type Case,
  type Dataset,
  isLabelled,
  type LabelledCase,
  type Modality,
  type UnlabelledCase,
} from "./dataset.ts";
import { DataError } from "./errors.ts";
import { type Box, foregroundBox, foregroundMask } from "./foreground.ts";
import { sameGrid } from "./grid_check.ts";
import { toAnatomical } from "./orientation.ts";
import { defaultNormalisation, type Normalisation, normalise } from "./normalise.ts";
import { gridWithSpacing, type Interpolation, resampleLabels, resampleOnto } from "./resample.ts";
import { type Grid, gridOf, rowMajor, type Volume, volumeFrom } from "./volume.ts";

/** How cases are prepared; the same for training and inference. */
export interface PrepareOptions {
  /** Voxel size to resample to, in mm; without it each case keeps its own. */
  readonly spacing?: Triple;
  /** How labels are resampled to another spacing: `nearest` (when absent) or linearly, label by label. */
  readonly labelInterpolation?: Interpolation;
  /** Other normalisations than {@link defaultNormalisation}, by modality id. */
  readonly normalise?: Readonly<Record<string, Normalisation>>;
}

/** One prepared image. */
export interface PreparedImage {
  /** Which modality it is. */
  readonly modality: Modality;
  /** Normalised intensities, row-major `[D,H,W]`. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Voxels along each axis. */
  readonly shape: Triple;
  /** Voxel indices to RAS mm. */
  readonly affine: Affine;
  /** Voxel size in mm. */
  readonly spacing: Triple;
  /** The normalised value of background, for padding. */
  readonly background: number;
  /** Up to 4096 voxels of the patient, as flat indices; where the unlabelled stream centres its patches. */
  readonly foreground: Uint32Array;
  /** The grid of the raw image as stored, which predictions are put back on. */
  readonly native: Grid;
}

/** A prepared case. */
export interface PreparedCase {
  /** The id of the case. */
  readonly id: string;
  /** One image for each modality the case has, in the data set's order. */
  readonly images: readonly PreparedImage[];
}

/** A prepared case with labels. */
export interface PreparedLabelledCase extends PreparedCase {
  /** Labels on the grid of each image, row-major `[D,H,W]`. */
  readonly labels: readonly Uint8Array<ArrayBuffer>[];
  /** For each image and class (index 0 is background) up to 4096 of its voxels, as flat indices. */
  readonly classVoxels: readonly (readonly Uint32Array[])[];
}

/**
 * Loads and prepares the images of a case. In an aligned data set all images are brought onto the grid of the
 * first one and cropped to one box.
 *
 * @throws {DataError} what loading throws, and `data.constant` for an image without content
 */
export async function prepareCase(
  dataset: Dataset,
  of: UnlabelledCase,
  options: PrepareOptions = {},
): Promise<PreparedCase> {
  const volumes = await dataset.loadImages(of);
  return {
    id: of.id,
    images: prepareImages(volumes, modalitiesOf(dataset, of), dataset.aligned, options, of.id),
  };
}

/**
 * As {@link prepareCase}, with the labels.
 *
 * @throws {DataError} as {@link prepareCase}
 */
export async function prepareLabelledCase(
  dataset: Dataset,
  of: LabelledCase,
  options: PrepareOptions = {},
): Promise<PreparedLabelledCase> {
  const { id, images } = await prepareCase(dataset, of, options);
  const volumes = await dataset.loadLabels(of);
  const labels = images.map((image, at) => {
    const label = volumes[at]!;
    const smooth = options.labelInterpolation === "linear";
    return Uint8Array.from(
      rowMajor(smooth ? resampleLabels(label, image) : resampleOnto(label, image, "nearest", 0)),
    );
  });
  const classVoxels = labels.map((label) =>
    Array.from({ length: dataset.classes.length + 1 }, (_, value) => someVoxels(label, value))
  );
  return { id, images, labels, classVoxels };
}

/** The modalities a case has an image of, in the data set's order. */
export function modalitiesOf(dataset: Pick<Dataset, "modalities">, of: UnlabelledCase): Modality[] {
  return dataset.modalities.filter(({ id }) => of.images[id] !== undefined);
}

/** The case of that id with its labels. */
export function labelledCase(dataset: Pick<Dataset, "cases">, id: string): LabelledCase {
  const found = caseOf(dataset, id);
  if (isLabelled(found)) return found;
  throw new DataError("split.unlabelled", `case ${id} has no labels`, {
    fix: "Move it to the unlabelled list.",
  });
}

/** The case of that id. */
export function caseOf(dataset: Pick<Dataset, "cases">, id: string): Case {
  const found = dataset.cases.find((candidate) => candidate.id === id);
  if (found !== undefined) return found;
  throw new DataError("split.unknown", `case ${id} is not in the data set`);
}

/**
 * Prepares raw images that belong together.
 *
 * @param raws one for each of `modalities`
 * @param aligned whether they share one space, so that they are brought onto one grid
 * @param what names the case in messages
 * @throws {DataError} `data.constant` for an image without content
 */
export function prepareImages(
  raws: readonly Volume<Float32Array>[],
  modalities: readonly Modality[],
  aligned: boolean,
  { spacing, normalise: chosen = {} }: PrepareOptions = {},
  what = "images",
): PreparedImage[] {
  const volumes = raws.map(toAnatomical);
  const names = modalities.map(({ id }) => `case ${what} (${id})`);
  const target = (grid: Grid) => spacing === undefined ? grid : gridWithSpacing(grid, spacing);
  const grids = volumes.map((volume) => target(gridOf(aligned ? volumes[0]! : volume)));
  const raw = volumes.map((volume, at) => {
    const outside = volume.array.get(0, 0, 0);
    return rowMajor(
      sameGrid(gridOf(volume), grids[at]!) ? volume : resampleOnto(volume, grids[at]!, "linear", outside),
    );
  });
  const masks = raw.map((image, at) => foregroundMask(image, grids[at]!.shape, modalities[at]!.kind));
  const shared = aligned ? foregroundBox(masks, grids[0]!.shape, names[0]!) : undefined;
  return modalities.map((modality, at): PreparedImage => {
    const grid = grids[at]!;
    const normalised = normalise(
      raw[at]!,
      masks[at]!,
      chosen[modality.id] ?? defaultNormalisation(modality.kind),
      names[at]!,
    );
    const box = shared ?? foregroundBox([masks[at]!], grid.shape, names[at]!);
    return {
      modality,
      data: cutBox(normalised.image, grid.shape, box),
      shape: box.size,
      affine: multiplyAffine(grid.affine, scalingAffine([1, 1, 1], box.low)),
      spacing: grid.spacing,
      background: normalised.background,
      foreground: someVoxels(cutBox(masks[at]!, grid.shape, box), 1),
      native: gridOf(raws[at]!),
    };
  });
}

/**
 * A label map of a prepared image on the grid of the raw image, nearest neighbour, 0 outside the crop.
 *
 * @param labels row-major `[D,H,W]` of the prepared image's shape
 */
export function restoreLabels(image: PreparedImage, labels: Uint8Array): Volume<Uint8Array> {
  return resampleOnto(volumeFrom(labels, image.shape, image.affine), image.native, "nearest", 0);
}

/**
 * Class probabilities of a prepared image on the grid of the raw image, trilinear; outside the crop everything
 * is background.
 *
 * @param probabilities row-major `[K,D,H,W]`, class 0 first
 * @returns one volume a class
 */
export function restoreProbabilities(
  image: PreparedImage,
  probabilities: Float32Array,
): Volume<Float32Array>[] {
  const size = image.shape[0] * image.shape[1] * image.shape[2];
  return Array.from({ length: probabilities.length / size }, (_, at) => {
    const one = volumeFrom(probabilities.subarray(at * size, (at + 1) * size), image.shape, image.affine);
    return resampleOnto(one, image.native, "linear", at === 0 ? 1 : 0);
  });
}

function cutBox<T extends Float32Array | Uint8Array>(data: T, [, ny, nz]: Triple, { low, size }: Box): T {
  const out = new (data.constructor as new (length: number) => T)(size[0] * size[1] * size[2]);
  for (let x = 0, at = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++, at += size[2]) {
      const from = ((x + low[0]) * ny + y + low[1]) * nz + low[2];
      out.set(data.subarray(from, from + size[2]), at);
    }
  }
  return out;
}

/** Up to 4096 of the voxels with a value, evenly spread over them in memory order: no randomness needed. */
function someVoxels(data: Uint8Array, value: number): Uint32Array {
  let count = 0;
  for (const voxel of data) if (voxel === value) count++;
  const step = Math.max(1, count / 4096);
  const out = new Uint32Array(Math.min(count, 4096));
  let seen = 0, taken = 0;
  for (let at = 0; at < data.length && taken < out.length; at++) {
    if (data[at] !== value) continue;
    if (seen++ >= Math.floor(taken * step)) out[taken++] = at;
  }
  return out;
}
