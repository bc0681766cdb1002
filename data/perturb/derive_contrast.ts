/**
 * A second modality for data sets that have only one.
 *
 * @module
 */

import { Random } from "../../tensor/random.ts";
import { applyBiasField } from "../bias_field.ts";
import { boxBlur } from "../blur.ts";
import {
  type Case,
  type CaseGeometry,
  type Dataset,
  type LabelledCase,
  recordOf,
  type UnlabelledCase,
} from "../dataset.ts";
import { DataError } from "../errors.ts";
import { foregroundMask } from "../foreground.ts";
import { percentiles } from "../normalise.ts";
import { superiorFirst, turnBack, turnOf, turnVolume } from "../orientation.ts";
import { gridOf, rowMajor, shapeOf, type Volume, volumeFrom } from "../volume.ts";

/** Which modality is added, and what it is made from. */
export interface AddedModality {
  /** Id of the modality that exists. */
  readonly from: string;
  /** Id of the one to add. */
  readonly id: string;
  /** Decides the contrast's details, bias and noise of each case. */
  readonly seed: number;
}

/**
 * Adds a modality whose contrast is computed from another's: its intensities follow a curve that rises, folds
 * and falls, so that no monotone map leads back; resolution, bias field and noise are its own. It shows no
 * anatomy that the original does not. It is marked as derived (`derivedFrom`) wherever modalities are listed.
 *
 * @throws {DataError} `config.modality` when `from` does not exist or `id` does
 */
export function deriveContrast(dataset: Dataset, { from, id, seed }: AddedModality): Dataset {
  const random = new Random(seed).child("derive");
  return addModality(dataset, from, id, {
    kind: "derived",
    base: dataset.source,
    options: { from, id, seed },
  }, {
    kind: "mr",
    make: (image, of) => foldedContrast(image, random.child(of.id)),
  });
}

/**
 * Adds a modality that is another one again: the single-modality protocol, in which two encoders see the same
 * image.
 *
 * @throws {DataError} `config.modality` when `from` does not exist or `id` does
 */
export function repeatModality(dataset: Dataset, { from, id }: Omit<AddedModality, "seed">): Dataset {
  const kind = dataset.modalities.find((modality) => modality.id === from)?.kind ?? "other";
  return addModality(dataset, from, id, { kind: "repeated", base: dataset.source, options: { from, id } }, {
    kind,
    make: (image) => image,
  });
}

function addModality(
  dataset: Dataset,
  from: string,
  id: string,
  source: Dataset["source"],
  { kind, make }: {
    kind: Dataset["modalities"][number]["kind"];
    make: (image: Volume<Float32Array>, of: UnlabelledCase) => Volume<Float32Array>;
  },
): Dataset {
  const ids = dataset.modalities.map((modality) => modality.id);
  const at = ids.indexOf(from);
  if (at === -1 || ids.includes(id)) {
    throw new DataError(
      "config.modality",
      `a modality ${id} made from ${from}; the data set has ${ids.join(", ")}`,
      {
        fix: "Name an existing modality as source and a new id.",
      },
    );
  }
  // With the source where it is left out of a case that has what is made from it.
  const original = (of: UnlabelledCase): UnlabelledCase => {
    const stored = Object.entries(of.images).filter(([key]) => key !== id), made = of.images[id];
    return { ...of, images: recordOf(made === undefined ? stored : [...stored, [from, made] as const]) };
  };
  /** Of what was read of the original case, that of the images that are asked for, and what is made last. */
  const withMade = <T>(of: UnlabelledCase, read: readonly T[], make: (source: T) => T): T[] => {
    const { images } = original(of), there = ids.filter((key) => images[key] !== undefined);
    const asked = read.filter((_, at) => of.images[there[at]!] !== undefined);
    return of.images[id] === undefined ? asked : [...asked, make(read[there.indexOf(from)]!)];
  };
  const same = <T>(source: T): T => source;
  const cases = dataset.cases.map((of): Case => {
    const image = of.images[from];
    if (image === undefined) return of;
    const labels = "labels" in of
      ? { labels: recordOf([...Object.entries(of.labels), [id, of.labels[from] ?? of.labels.shared!]]) }
      : {};
    return { ...of, images: recordOf([...Object.entries(of.images), [id, image]]), ...labels };
  });
  return {
    ...dataset,
    name: `${dataset.name} (${id} ${source.kind} from ${from})`,
    modalities: [...dataset.modalities, { id, kind, derivedFrom: from }],
    cases,
    source,
    async loadImages(of: UnlabelledCase): Promise<Volume<Float32Array>[]> {
      return withMade(of, await dataset.loadImages(original(of)), (image) => make(image, of));
    },
    async loadGeometry(of: Case): Promise<CaseGeometry> {
      const { images, labels } = await dataset.loadGeometry({ ...of, ...original(of) });
      return { images: withMade(of, images, same), labels };
    },
    async loadLabels(of: LabelledCase): Promise<Volume<Uint8Array>[]> {
      return withMade(of, await dataset.loadLabels({ ...original(of), labels: of.labels }), same);
    },
  };
}

/** Intensities in thousandths through a folded curve, blurred, with bias and noise. */
function foldedContrast(stored: Volume<Float32Array>, random: Random): Volume<Float32Array> {
  // With anatomical axes the contrast is the same however the scan is stored.
  const turn = turnOf(stored, superiorFirst), image = turnVolume(stored, turn);
  const shape = shapeOf(image), source = rowMajor(image);
  const mask = foregroundMask(source, shape, "mr");
  const [low, high] = percentiles(source, [0.5, 99.5], mask) as [number, number];
  const peak = random.uniform(0.45, 0.6), start = random.uniform(0.15, 0.3), end = random.uniform(0.3, 0.45);
  const curve = (value: number) =>
    value < peak ? start + (1 - start) * value / peak : 1 - (1 - end) * (value - peak) / (1 - peak);
  const out = Float32Array.from(
    source,
    (value, at) => mask[at] === 0 ? 0 : curve(Math.min(1, Math.max(0, (value - low) / (high - low)))),
  );
  boxBlur(out, shape);
  applyBiasField(out, shape, random, 0.15);
  for (let at = 0; at < out.length; at++) {
    out[at] = mask[at] === 0 ? 0 : Math.max(1, Math.round(1000 * (out[at]! + random.normal(0, 0.06))));
  }
  return turnBack(volumeFrom(out, shape, image.affine), gridOf(stored), turn);
}
