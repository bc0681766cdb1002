/**
 * What the cases of a training are, by content: so that a resumed run is known to go on with the same data,
 * wherever its files lie now.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  type Dataset,
  type DatasetSource,
  type FileDataset,
  hashLabels,
  hashSplit,
  type Manifest,
  type OpenOptions,
  type Split,
  volumePath,
} from "../../data/mod.ts";
import { allLabelled } from "../train/training.ts";

/** SHA-256 of files, by case id and modality (or `shared`, for labels). */
export type FileHashes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a run folder stores about its data. */
export interface DataIdentity {
  /** SHA-256 of everything about the data that decides the result of a training. */
  readonly sha256: string;
  /** The images of all cases in the split, for data in files. */
  readonly files?: FileHashes;
  /** The labels that are used, for data in files. */
  readonly labelFiles?: FileHashes;
  /** The pseudo-labels that are used, if any. */
  readonly pseudoLabelFiles?: FileHashes;
}

/** The SHA-256 of a value's JSON, in hexadecimal. */
export function sha256Of(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** What decides the voxels besides the content of files: no paths, so that a folder may move. */
function recipe({ kind, base, options }: DatasetSource): unknown {
  if (kind !== "manifest") return { kind, options, ...(base && { base: recipe(base) }) };
  const { manifest, plain } = options as { manifest: Manifest; plain: OpenOptions };
  const channelsOf = (id: string, kind: string, entries: Readonly<Record<string, string>> = {}) =>
    Object.entries(entries).flatMap(([key, entry]) => {
      const { channel } = volumePath(entry);
      return channel === undefined ? [] : [[id, kind, key, channel]];
    });
  const channels = manifest.cases.flatMap(({ id, images, labels }) => [
    ...channelsOf(id, "images", images),
    ...channelsOf(id, "labels", labels),
  ]);
  return { kind, labelMap: manifest.labelMap ?? {}, nanPolicy: plain.nanPolicy ?? "error", channels };
}

/**
 * Reads and hashes every file that a training would use.
 *
 * @param split the cases, each in its part
 * @param used whose labels the training opens: those in its parts `labelled`, `validation` and `test`
 * @throws {DataError} `split.leak` when an image is in two parts of the split, `data.path` for a missing file
 */
export async function identify(
  dataset: Dataset,
  split: Split,
  used: Split,
  pseudoLabelled?: Dataset,
): Promise<DataIdentity> {
  const pseudo = pseudoLabelled && await identifyLabels(pseudoLabelled);
  if (!("root" in dataset)) {
    const made = recipe(dataset.source);
    return { sha256: sha256Of(pseudo ? [made, pseudo] : made) };
  }
  const files = await hashSplit(dataset as FileDataset, split);
  const labelFiles = await hashLabels(dataset as FileDataset, used);
  const sha256 = sha256Of([recipe(dataset.source), files, labelFiles, ...(pseudo ? [pseudo] : [])]);
  return { sha256, files, labelFiles, ...pseudo };
}

/** What all labels of a data set are, by content where they lie in files. */
async function identifyLabels(dataset: Dataset): Promise<Pick<DataIdentity, "pseudoLabelFiles">> {
  if (!("root" in dataset)) {
    return { pseudoLabelFiles: { source: { sha256: sha256Of(recipe(dataset.source)) } } };
  }
  return { pseudoLabelFiles: await hashLabels(dataset as FileDataset, allLabelled(dataset)) };
}

/** The first file that is not what it was, as `what of which case`; nothing when all are the same. */
export function changedFile(before: Partial<DataIdentity>, now: DataIdentity): string | undefined {
  const kinds = [["files", "image"], ["labelFiles", "labels"], [
    "pseudoLabelFiles",
    "pseudo-labels",
  ]] as const;
  for (const [kind, noun] of kinds) {
    const old = new Map(Object.entries(before[kind] ?? {}));
    for (const [id, hashes] of Object.entries(now[kind] ?? {})) {
      const known = new Map(Object.entries(old.get(id) ?? {}));
      for (const [key, hash] of Object.entries(hashes)) {
        if (known.get(key) !== hash) return `the ${key} ${noun} of case ${id}`;
      }
    }
  }
  return undefined;
}
