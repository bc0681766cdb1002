/**
 * A data set in numbers: sizes, intensities, class volumes.
 *
 * @module
 */

import type { Triple } from "./affine.ts";
import { type Dataset, isLabelled, type Modality } from "./dataset.ts";
import { foregroundMask } from "./foreground.ts";
import { percentiles } from "./normalise.ts";
import { toAnatomical } from "./orientation.ts";
import { modalitiesOf } from "./dataset.ts";
import { rowMajor, shapeOf, type Volume } from "./volume.ts";

/** One image in numbers. */
export interface ImageFingerprint {
  /** Id of the modality. */
  readonly modality: string;
  /** Voxels from inferior to superior, posterior to anterior and left to right. */
  readonly shape: Triple;
  /** Voxel size in mm along the same. */
  readonly spacing: Triple;
  /** Share of the voxels that show the patient. */
  readonly foreground: number;
  /** 0.5th, 50th and 99.5th percentile, mean and standard deviation of the foreground; null without foreground. */
  readonly intensity:
    | {
      readonly p0_5: number;
      readonly p50: number;
      readonly p99_5: number;
      readonly mean: number;
      readonly sd: number;
    }
    | null;
}

/** One case in numbers. */
export interface CaseFingerprint {
  /** Id of the case. */
  readonly id: string;
  /** Its images. */
  readonly images: readonly ImageFingerprint[];
  /** Volume of each class in ml, for each label map; empty for an unlabelled case. */
  readonly volumesMl: readonly (readonly number[])[];
}

/** The spread of a quantity over cases. */
export interface Spread {
  /** Least value. */
  readonly min: number;
  /** Middle value. */
  readonly median: number;
  /** Largest value. */
  readonly max: number;
}

/** A data set in numbers. */
export interface Fingerprint {
  /** Name of the data set. */
  readonly name: string;
  /** Number of cases. */
  readonly cases: number;
  /** Number of cases with labels. */
  readonly labelled: number;
  /** What the images of each modality are like. */
  readonly modalities: readonly (Modality & {
    /** Number of images. */
    readonly images: number;
    /** Voxels along each axis. */
    readonly shape: readonly Spread[];
    /** Voxel size in mm along each axis. */
    readonly spacing: readonly Spread[];
    /** Lowest 0.5th, median 50th and highest 99.5th percentile of the foreground. */
    readonly intensity: Spread | null;
  })[];
  /** Volume of each class in ml over the labelled images that have it. */
  readonly classes: readonly {
    /** Label value. */
    readonly id: number;
    /** Name. */
    readonly name: string;
    /** Number of labelled images with at least one voxel of it. */
    readonly present: number;
    /** Number of labelled images. */
    readonly of: number;
    /** Volume in ml where present; null if nowhere. */
    readonly volumeMl: Spread | null;
  }[];
  /** Every case. */
  readonly each: readonly CaseFingerprint[];
}

/**
 * Loads every case of a data set, one at a time, and sums it up.
 *
 * @param onCase called with the images and labels of each case, for example to draw them
 * @throws {DataError} what loading throws; `verifyDataset` lists problems without stopping
 */
export async function fingerprint(
  dataset: Dataset,
  onCase?: (
    id: string,
    images: readonly Volume<Float32Array>[],
    labels: readonly Volume<Uint8Array>[],
  ) => Promise<void>,
): Promise<Fingerprint> {
  const each: CaseFingerprint[] = [];
  for (const of of dataset.cases) {
    const images = await dataset.loadImages(of);
    const labels = isLabelled(of) ? await dataset.loadLabels(of) : [];
    const modalities = modalitiesOf(dataset, of);
    each.push({
      id: of.id,
      images: images.map((image, at) => imageFingerprint(image, modalities[at]!)),
      volumesMl: [...new Set(labels)].map((label) => classVolumes(label, dataset.classes.length)),
    });
    await onCase?.(of.id, images, labels);
  }
  const labelled = each.flatMap(({ volumesMl }) => volumesMl);
  return {
    name: dataset.name,
    cases: each.length,
    labelled: each.filter(({ volumesMl }) => volumesMl.length > 0).length,
    modalities: dataset.modalities.map((modality) => {
      const images = each.flatMap((of) => of.images).filter((of) => of.modality === modality.id);
      const intensities = images.flatMap(({ intensity }) => intensity ?? []);
      return {
        ...modality,
        images: images.length,
        shape: images.length === 0
          ? []
          : [0, 1, 2].map((axis) => spread(images.map(({ shape }) => shape[axis]!))),
        spacing: images.length === 0
          ? []
          : [0, 1, 2].map((axis) => spread(images.map(({ spacing }) => spacing[axis]!))),
        intensity: intensities.length === 0 ? null : {
          min: Math.min(...intensities.map(({ p0_5 }) => p0_5)),
          median: spread(intensities.map(({ p50 }) => p50)).median,
          max: Math.max(...intensities.map(({ p99_5 }) => p99_5)),
        },
      };
    }),
    classes: dataset.classes.map(({ id, name }) => {
      const volumes = labelled.map((of) => of[id - 1]!).filter((ml) => ml > 0);
      const volumeMl = volumes.length === 0 ? null : spread(volumes);
      return { id, name, present: volumes.length, of: labelled.length, volumeMl };
    }),
    each,
  };
}

function imageFingerprint(stored: Volume<Float32Array>, { id, kind }: Modality): ImageFingerprint {
  const volume = toAnatomical(stored), shape = shapeOf(volume), image = rowMajor(volume);
  const mask = foregroundMask(image, shape, kind);
  let count = 0, sum = 0, squares = 0;
  for (let at = 0; at < image.length; at++) if (mask[at] === 1) count++, sum += image[at]!;
  const mean = sum / count;
  for (let at = 0; at < image.length; at++) if (mask[at] === 1) squares += (image[at]! - mean) ** 2;
  const [p0_5, p50, p99_5] = count === 0 ? [] : percentiles(image, [0.5, 50, 99.5], mask);
  return {
    modality: id,
    shape,
    spacing: volume.spacing,
    foreground: count / image.length,
    intensity: count === 0
      ? null
      : { p0_5: p0_5!, p50: p50!, p99_5: p99_5!, mean, sd: Math.sqrt(squares / count) },
  };
}

function classVolumes(label: Volume<Uint8Array>, classes: number): number[] {
  const counts = new Array<number>(classes + 1).fill(0);
  const { data } = label.array;
  for (let at = 0; at < data.length; at++) counts[data[at]!]!++;
  const [x, y, z] = label.spacing;
  return counts.slice(1).map((count) => count * x * y * z / 1000);
}

function spread(values: readonly number[]): Spread {
  const [min, median, max] = percentiles(values, [0, 50, 100]) as [number, number, number];
  return { min, median, max };
}
