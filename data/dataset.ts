/**
 * What a data set is to the rest of the toolkit, whether its cases lie in files or are made on demand.
 *
 * @module
 */

import { DataError } from "./errors.ts";
import type { Grid, Volume } from "./volume.ts";

/** How the intensities of a modality are to be understood: CT has Hounsfield units, the others arbitrary ones. */
export type ModalityKind = "ct" | "mr" | "other";

/** One kind of image that the cases have. */
export interface Modality {
  /** Short name such as `ct` or `flair`; the key of the image in a case. */
  readonly id: string;
  /** Decides the intensity normalisation. */
  readonly kind: ModalityKind;
  /** The modality this one was computed from, when it is no acquisition of its own. */
  readonly derivedFrom?: string;
}

/** A structure to segment. Background is label 0 and never listed. */
export interface ClassInfo {
  /** Its label value, 1 … K, which is also its channel in the network's output. */
  readonly id: number;
  /** Its name in tables and plots. */
  readonly name: string;
}

/** A case as the unlabelled stream sees it: images, and no way to a label. */
export interface UnlabelledCase {
  /** Unique within the data set. */
  readonly id: string;
  /** The person. Splits keep all cases of a subject together. */
  readonly subject: string;
  /** Where the image of each modality comes from, by modality id: a path, or a name for generated data. */
  readonly images: Readonly<Record<string, string>>;
}

/** A case with a reference segmentation. */
export interface LabelledCase extends UnlabelledCase {
  /** Where the labels come from: by modality id, or one entry `shared` for all modalities. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A case of a data set. Narrow it with {@link isLabelled}. */
export type Case = LabelledCase | UnlabelledCase;

/** Where the voxels of a case lie. */
export interface CaseGeometry {
  /** The grid of each image the case has, as stored, in the data set's order. */
  readonly images: readonly Grid[];
  /** The grids of its label maps; none for a case without labels. */
  readonly labels: readonly Grid[];
}

/** Cases of the same modalities and classes, and how to load them. */
export interface Dataset {
  /** Name in tables and reports. */
  readonly name: string;
  /** The modalities, in the order of the networks' encoders. */
  readonly modalities: readonly Modality[];
  /** The foreground classes, ids 1 … K. */
  readonly classes: readonly ClassInfo[];
  /** Every case has all modalities, taken of the same person. */
  readonly paired: boolean;
  /** The modalities of a case share one space, so that a voxel of one corresponds to a voxel of the other. */
  readonly aligned: boolean;
  /** All cases, by code point of their ids. */
  readonly cases: readonly Case[];
  /** What a worker needs to open the same data set again. */
  readonly source: DatasetSource;
  /** The raw images of a case as stored, one for each modality it has, in the data set's order. */
  loadImages(of: UnlabelledCase): Promise<Volume<Float32Array>[]>;
  /**
   * The labels of a case, one for each image of {@link loadImages} and with its grid, voxel for voxel; in an aligned
   * set they may have the grid of another image of the case.
   */
  loadLabels(of: LabelledCase): Promise<Volume<Uint8Array>[]>;
  /** Where the voxels of a case lie; of files only headers are read. */
  loadGeometry(of: Case): Promise<CaseGeometry>;
}

/** A recipe for a data set, plain enough to be sent to a worker; `openSource` follows it. */
export interface DatasetSource {
  /** Which function makes it. */
  readonly kind: "phantom" | "manifest" | "misaligned" | "derived" | "repeated" | "withheld";
  /** What the function starts from, if it changes another data set. */
  readonly base?: DatasetSource;
  /** The function's other argument. */
  readonly options: unknown;
}

/** Whether a case has a reference segmentation. */
export function isLabelled(candidate: Case): candidate is LabelledCase {
  return "labels" in candidate;
}

/**
 * A record keyed by names that people give. It inherits nothing, so that a modality `constructor` is only there when it
 * was put there.
 */
export function recordOf<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const record: Record<string, T> = Object.create(null);
  for (const [name, value] of entries) record[name] = value;
  return record;
}

export { ignoredLabel } from "../tensor/ignored_label.ts";

/** The modalities a case has an image of, in the data set's order. */
export function modalitiesOf(dataset: Pick<Dataset, "modalities">, of: UnlabelledCase): Modality[] {
  return dataset.modalities.filter(({ id }) => of.images[id] !== undefined);
}

/** The cases that lack an image of a modality, each as `id (no modality, …)`. */
export function incompleteCases(
  modalities: readonly Pick<Modality, "id">[],
  cases: readonly Pick<Case, "id" | "images">[],
): string[] {
  return cases.flatMap(({ id, images }) => {
    const missing = modalities.flatMap((of) => Object.hasOwn(images, of.id) ? [] : [of.id]);
    return missing.length > 0 ? [`${id} (no ${missing.join(", ")})`] : [];
  });
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

/** The same case without its labels: what the unlabelled stream is given. */
export function withoutLabels({ id, subject, images }: Case): UnlabelledCase {
  return { id, subject, images };
}

/** Orders strings by code point, the only order used for ids and paths: no locale, the same on every machine. */
export function byCodePoint(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length) {
    const left = a.codePointAt(at)!, right = b.codePointAt(at)!;
    if (left !== right) return left - right;
    at += left > 0xffff ? 2 : 1;
  }
  return a.length - b.length;
}
