/**
 * A case as training and inference use it: turned, normalised, resampled and cropped as a {@link Preparation} says.
 *
 * @module
 */

import { type Affine, multiplyAffine, scalingAffine, type Triple } from "../affine.ts";
import {
  type Dataset,
  ignoredLabel,
  type LabelledCase,
  modalitiesOf,
  type UnlabelledCase,
} from "../dataset.ts";
import { DataError } from "../errors.ts";
import { type Box, foregroundBox, foregroundMask } from "../foreground.ts";
import { sameGrid } from "../grid_check.ts";
import { normalise } from "../normalise.ts";
import { turnOf, turnTo, turnVolume } from "../orientation.ts";
import { resampleLabels, resampleOnto } from "../resample.ts";
import { type Grid, gridOf, rowMajor, shapeOf, type Volume, volumeFrom } from "../volume.ts";
import { commonGrid, coverage } from "./common_grid.ts";
import type { ModalityPreparation, Preparation } from "./preparation.ts";

/** One prepared image. */
export interface PreparedImage {
  /** Which modality it is. */
  readonly modality: ModalityPreparation;
  /** Normalised intensities, row-major `[D,H,W]`. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Voxels along D, H and W. */
  readonly shape: Triple;
  /** Voxel indices to RAS mm. */
  readonly affine: Affine;
  /** Voxel size in mm. */
  readonly spacing: Triple;
  /** The normalised value of what lies outside, for padding. */
  readonly background: number;
  /** 1 where the scan has voxels and 0 where its grid was extended to cover the other images; absent for all 1. */
  readonly inside?: Uint8Array<ArrayBuffer>;
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
  /** Labels on the grid of each image, row-major `[D,H,W]`; `ignoredLabel` where nobody labelled. */
  readonly labels: readonly Uint8Array<ArrayBuffer>[];
  /** For each image and class (index 0 is background) up to 4096 of its voxels, as flat indices. */
  readonly classVoxels: readonly (readonly Uint32Array[])[];
}

/**
 * Loads and prepares the images of a case.
 *
 * @throws {DataError} what loading throws, and as {@link prepareImages}
 */
export async function prepareCase(
  dataset: Dataset,
  of: UnlabelledCase,
  preparation: Preparation,
): Promise<PreparedCase> {
  const volumes = await dataset.loadImages(of);
  const images = new Map(modalitiesOf(dataset, of).map(({ id }, at) => [id, volumes[at]!]));
  return { id: of.id, images: prepareImages(images, preparation, of.id) };
}

/**
 * As {@link prepareCase}, with the labels.
 *
 * @throws {DataError} as {@link prepareCase}
 */
export async function prepareLabelledCase(
  dataset: Dataset,
  of: LabelledCase,
  preparation: Preparation,
): Promise<PreparedLabelledCase> {
  const { id, images } = await prepareCase(dataset, of, preparation);
  const volumes = await dataset.loadLabels(of);
  // The order of the preparation may not be that of the data set.
  const ids = modalitiesOf(dataset, of).map((modality) => modality.id);
  const labels = images.map((image) =>
    prepareLabels(volumes[ids.indexOf(image.modality.id)]!, image, preparation)
  );
  const classVoxels = labels.map((label) =>
    Array.from({ length: dataset.classes.length + 1 }, (_, value) => someVoxels(label, value))
  );
  return { id, images, labels, classVoxels };
}

/** A label map on the grid of a prepared image, row-major. */
export function prepareLabels(
  label: Volume<Uint8Array>,
  image: PreparedImage,
  { labels }: Pick<Preparation, "labels">,
): Uint8Array<ArrayBuffer> {
  const turned = turnVolume(label, turnTo(label.affine, image.affine));
  const onGrid = labels === "nearest"
    ? resampleOnto(turned, image, "nearest", ignoredLabel)
    : resampleLabels(turned, image, ignoredLabel);
  const out = Uint8Array.from(onGrid.array.data);
  if (image.inside !== undefined) {
    for (let at = 0; at < out.length; at++) if (image.inside[at] === 0) out[at] = ignoredLabel;
  }
  return out;
}

/**
 * Prepares raw images that belong together.
 *
 * Each is turned and normalised on its own grid, then resampled to the target voxel size. In an aligned set all are
 * brought onto one grid with the axes of the first one; it is as large as the fields of view of all together, and
 * voxels that an image does not cover are filled with its background and marked in `inside`. Last they are cropped,
 * aligned images to one box around what any of them shows.
 *
 * @param images by modality id
 * @param what names the case in messages
 * @throws {DataError} `data.constant` for an image without content, `geometry.apart` for aligned images that do not
 * overlap, `config.modality` for one that the preparation does not know
 */
export function prepareImages(
  images: ReadonlyMap<string, Volume<Float32Array>>,
  preparation: Preparation,
  what = "images",
): PreparedImage[] {
  const { orientation, aligned, crop } = preparation;
  requireKnown(images, preparation, what);
  const modalities = preparation.modalities.filter(({ id }) => images.has(id));
  const names = modalities.map(({ id }) => `case ${what} (${id})`);
  const raws = modalities.map(({ id }) => images.get(id)!);
  const leading = turnVolume(raws[0]!, turnOf(raws[0]!, orientation));
  const turned = raws.map((raw, at) =>
    at === 0
      ? leading
      : turnVolume(raw, aligned ? turnTo(raw.affine, leading.affine) : turnOf(raw, orientation))
  );
  const grids = turned.map(gridOf);
  const shared = aligned ? commonGrid(grids, preparation.spacing, names) : undefined;
  const placed = turned.map((volume, at) =>
    place(volume, modalities[at]!, shared ?? commonGrid([grids[at]!], preparation.spacing, names), names[at]!)
  );
  const boxOf = (some: readonly PlacedImage[], name: string): Box =>
    crop === "none"
      ? { low: [0, 0, 0], size: some[0]!.grid.shape }
      : foregroundBox(some.map(({ mask }) => mask), some[0]!.grid.shape, name);
  const sharedBox = aligned ? boxOf(placed, names[0]!) : undefined;
  return placed.map((image, at): PreparedImage => {
    const { grid, background, inside } = image;
    const box = sharedBox ?? boxOf([image], names[at]!);
    const cut = <T extends Float32Array | Uint8Array>(data: T) => cutBox(data, grid.shape, box);
    const covered = inside && cut(inside);
    return {
      modality: modalities[at]!,
      data: cut(image.data) as Float32Array<ArrayBuffer>,
      shape: box.size,
      affine: multiplyAffine(grid.affine, scalingAffine([1, 1, 1], box.low)),
      spacing: grid.spacing,
      background,
      ...(covered?.includes(0) ? { inside: covered as Uint8Array<ArrayBuffer> } : {}),
      foreground: someVoxels(cut(image.mask), 1),
      native: gridOf(raws[at]!),
    };
  });
}

function requireKnown(
  images: ReadonlyMap<string, unknown>,
  { modalities }: Preparation,
  what: string,
): void {
  const unknown = [...images.keys()].find((id) => !modalities.some((modality) => modality.id === id));
  if (unknown === undefined && images.size > 0) return;
  throw new DataError(
    "config.modality",
    unknown === undefined
      ? `case ${what} has no image`
      : `case ${what} has an image of ${JSON.stringify(unknown)}`,
    { fix: `Give images of ${modalities.map(({ id }) => id).join(", ")}.` },
  );
}

/** An image on its target grid, not yet cropped. */
interface PlacedImage {
  readonly grid: Grid;
  readonly data: Float32Array;
  readonly mask: Uint8Array;
  readonly background: number;
  readonly inside?: Uint8Array;
}

/** Normalises an image on its own grid, where its background is exact, and brings it onto another. */
function place(
  volume: Volume<Float32Array>,
  { kind, normalisation, padding }: ModalityPreparation,
  grid: Grid,
  name: string,
): PlacedImage {
  const raw = rowMajor(volume), shape = shapeOf(volume);
  const mask = foregroundMask(raw, shape, kind);
  const normalised = normalise(raw, mask, normalisation, name);
  const background = padding === "background" ? normalised.background : padding;
  if (sameGrid(gridOf(volume), grid)) return { grid, data: normalised.image, mask, background };
  const inside = coverage(gridOf(volume), grid);
  return {
    grid,
    data:
      resampleOnto(volumeFrom(normalised.image, shape, volume.affine), grid, "linear", background).array.data,
    mask: resampleLabels(volumeFrom(mask, shape, volume.affine), grid).array.data,
    background,
    ...(inside && { inside }),
  };
}

function cutBox<T extends Float32Array | Uint8Array>(
  data: T,
  [, height, width]: Triple,
  { low, size }: Box,
): T {
  const out = new (data.constructor as new (length: number) => T)(size[0] * size[1] * size[2]);
  for (let d = 0, at = 0; d < size[0]; d++) {
    for (let h = 0; h < size[1]; h++, at += size[2]) {
      const from = ((d + low[0]) * height + h + low[1]) * width + low[2];
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
