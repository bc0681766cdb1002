/**
 * Choosing a preparation from what the scans of a data set are like.
 *
 * @module
 */

import type { Triple } from "../affine.ts";
import type { Case, Dataset } from "../dataset.ts";
import { DataError } from "../errors.ts";
import { sameGrid } from "../grid_check.ts";
import { defaultNormalisation, type Normalisation, percentiles } from "../normalise.ts";
import {
  type Direction,
  directionOf,
  type Orientation,
  throughPlaneAxis,
  turnGrid,
  turnOf,
} from "../orientation.ts";
import { thickRatio } from "../resample.ts";
import type { Grid } from "../volume.ts";
import { parsePreparation, type Preparation } from "./preparation.ts";

/** Where the voxels of a case lie. */
export interface SurveyedCase {
  /** Id of the case. */
  readonly id: string;
  /** The grid of each image the case has, as stored. */
  readonly images: readonly Grid[];
  /** The grids of its label maps; none for an unlabelled case. */
  readonly labels: readonly Grid[];
}

/** What a person may decide instead of the rules; the rest is chosen. */
export interface PreparationChoices {
  /** How axes are named. */
  readonly orientation?: "anatomical" | "slices";
  /** Voxel size along D, H and W, in mm. */
  readonly spacing?: Triple;
  /** Normalisations by modality id. */
  readonly normalise?: Readonly<Record<string, Normalisation>>;
  /** Whether to cut images to their foreground. */
  readonly crop?: Preparation["crop"];
  /** How label maps are resampled. */
  readonly labels?: Preparation["labels"];
}

/** A preparation with the reason for what was chosen. */
export interface ChosenPreparation {
  /** The preparation. */
  readonly preparation: Preparation;
  /** Why axes are named so. */
  readonly orientationReason: string;
  /** Why this voxel size. */
  readonly spacingReason: string;
}

/**
 * Looks up where the voxels of cases lie; reads headers, not voxels, where the data set lies in files.
 *
 * @param cases which cases; all when absent. One without labels has no label file opened.
 * @throws {DataError} what reading headers throws
 */
export async function surveyCases(
  dataset: Dataset,
  cases: readonly Case[] = dataset.cases,
): Promise<SurveyedCase[]> {
  const surveyed: SurveyedCase[] = [];
  for (const of of cases) surveyed.push({ id: of.id, ...await dataset.loadGeometry(of) });
  return surveyed;
}

/**
 * Chooses how a data set is prepared: see {@link chooseFrom} for the rules.
 *
 * @param cases the cases to look at, such as those to train on; all when absent
 * @throws {DataError} `preparation.value` for a choice that is impossible, `split.empty` without a case
 *
 * @example
 * ```ts
 * import { makePhantom } from "../phantom.ts";
 * import { choosePreparation } from "./choose.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 7 });
 * const { preparation, spacingReason } = await choosePreparation(dataset);
 * assert.deepEqual(preparation.spacing, [2, 1.8, 1.8]);
 * assert.equal(spacingReason, "all voxels are of this size");
 * ```
 */
export async function choosePreparation(
  dataset: Dataset,
  choices: PreparationChoices = {},
  cases?: readonly Case[],
): Promise<ChosenPreparation> {
  return chooseFrom(dataset, await surveyCases(dataset, cases), choices);
}

/**
 * As {@link choosePreparation}, from a survey that exists already.
 *
 * - Orientation: `anatomical` where voxels are nearly isotropic or the stacks of all cases have one through-plane
 *   direction, `slices` where they do not.
 * - Spacing: along each axis the median over the images; along D its 10th percentile where that median is a thick
 *   slice, more than 3 times as long as wide (as nnU-Net). In an aligned set a case counts once: with its finest
 *   label map, which is what can be learnt, or without labels with its finest image.
 */
export function chooseFrom(
  dataset: Pick<Dataset, "name" | "modalities" | "classes" | "paired" | "aligned">,
  cases: readonly SurveyedCase[],
  { orientation: wanted, spacing: given, normalise = {}, crop = "foreground", labels = "linear" }:
    PreparationChoices = {},
): ChosenPreparation {
  if (cases.every(({ images }) => images.length === 0)) {
    throw new DataError("split.empty", `${dataset.name}: there is no case to choose a preparation from`);
  }
  const unknown = Object.keys(normalise).find((id) =>
    !dataset.modalities.some((modality) => modality.id === id)
  );
  if (unknown !== undefined) {
    throw new DataError(
      "config.modality",
      `a normalisation is given for ${unknown}, which the data set lacks`,
      {
        fix: `Its modalities are ${dataset.modalities.map(({ id }) => id).join(", ")}.`,
      },
    );
  }
  const chosen = new Map(Object.entries(normalise));
  // Where some cases lack an image, a training joins images of different people, which share no space.
  const aligned = dataset.aligned && dataset.paired;
  const [orientation, orientationReason] = chooseOrientation(aligned, cases, wanted);
  const [spacing, spacingReason] = given === undefined
    ? chooseSpacing(aligned, cases, orientation)
    : [given, "given"];
  const preparation = parsePreparation({
    version: 1,
    orientation,
    spacing,
    modalities: dataset.modalities.map(({ id, kind }) => ({
      id,
      kind,
      normalisation: chosen.get(id) ?? defaultNormalisation(kind),
      padding: "background",
    })),
    classes: dataset.classes.map(({ id, name }) => ({ id, name })),
    aligned,
    oneGrid: aligned &&
      cases.every(({ images }) => images.every((grid) => sameGrid(grid, images[0]!))),
    crop,
    labels,
  });
  return { preparation, orientationReason, spacingReason };
}

const directionNames: Readonly<Record<Direction, string>> = {
  S: "superior–inferior",
  A: "anterior–posterior",
  R: "left–right",
};

function chooseOrientation(
  aligned: boolean,
  cases: readonly SurveyedCase[],
  wanted: PreparationChoices["orientation"],
): [Orientation, string] {
  // Aligned images all follow the first one's axes.
  const leading = cases.flatMap(({ images }) => aligned ? images.slice(0, 1) : images);
  const counts = new Map<Direction, number>();
  for (const { affine, spacing } of leading) {
    const axis = throughPlaneAxis(spacing);
    if (axis === undefined) continue;
    const direction = directionOf(affine, axis);
    counts.set(direction, (counts.get(direction) ?? 0) + 1);
  }
  const found = [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const through = found[0]?.[0] ?? "S";
  const spread = found.map(([direction, count]) => `${directionNames[direction]} in ${count}`).join(", ");
  const why = found.length === 0
    ? "voxels are nearly isotropic"
    : found.length === 1
    ? `slices follow one another ${directionNames[through]} in every stack`
    : `the slices' direction differs between stacks: ${spread}`;
  const rule = wanted ?? (found.length > 1 ? "slices" : "anatomical");
  const reason = wanted === undefined ? why : `given; ${why}`;
  return [rule === "slices" ? { rule } : { rule, through }, reason];
}

function chooseSpacing(
  aligned: boolean,
  cases: readonly SurveyedCase[],
  orientation: Orientation,
): [Triple, string] {
  const voxel = ({ spacing }: Grid) => spacing[0] * spacing[1] * spacing[2];
  const finest = (grids: readonly Grid[]) =>
    grids.reduce((best, grid) => voxel(grid) < voxel(best) ? grid : best);
  const counted = cases.flatMap(({ images, labels }) =>
    !aligned ? images : images.length === 0 ? [] : [finest(labels.length > 0 ? labels : images)]
  );
  const sizes = counted.map((grid) => turnGrid(grid, turnOf(grid, orientation)).spacing);
  const along = (axis: number, percent: number) =>
    short(percentiles(sizes.map((size) => size[axis]!), [percent])[0]!);
  const median: Triple = [along(0, 50), along(1, 50), along(2, 50)];
  const equal = sizes.every((size) => size.every((mm, axis) => Math.abs(mm - median[axis]!) <= 1e-3 * mm));
  if (equal) return [median, "all voxels are of this size"];
  if (median[0] <= thickRatio * Math.max(median[1], median[2])) {
    return [median, "the median of the voxel sizes"];
  }
  return [
    [along(0, 10), median[1], median[2]],
    `the median of the voxel sizes, along D the 10th percentile: slices are ${
      (median[0] / Math.max(median[1], median[2])).toFixed(1)
    } times as thick as pixels are wide`,
  ];
}

/** Without the noise of float32 headers: 0.7291666865 is 0.72917. */
const short = (mm: number) => Number(mm.toPrecision(5));
