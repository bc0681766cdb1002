/**
 * Finds scans that are in two parts of a split under different names.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { recordOf } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { diskFiles, type Files } from "./files.ts";
import { entryPath, type FileDataset } from "./open_dataset.ts";
import { caseOf, labelledCase } from "./dataset.ts";
import type { Split } from "./split.ts";

/** The SHA-256 of a file, in hexadecimal. */
export async function hashFile(path: string, files: Files = diskFiles): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of files.stream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * The SHA-256 of every image file of the cases in a split, by case id and modality.
 *
 * @throws {DataError} `split.leak` when the same image is in training and in validation or test, or in both of
 * these
 */
export async function hashSplit(
  dataset: FileDataset,
  split: Split,
  files: Files = diskFiles,
): Promise<Record<string, Record<string, string>>> {
  const hashes = recordOf<Record<string, string>>([]);
  const seen = new Map<string, { group: string; id: string }>();
  for (const part of ["labelled", "unlabelled", "validation", "test"] as const) {
    const group = part === "labelled" || part === "unlabelled" ? "training" : part;
    for (const id of split[part]) {
      const of = hashes[id] ??= recordOf<string>([]);
      for (const [modality, entry] of Object.entries(caseOf(dataset, id).images)) {
        const { path, channel = 0 } = entryPath(dataset.root, entry);
        const hash = of[modality] ??= await hashFile(path, files);
        const image = `${hash}#${channel}`; // the volumes of a 4-D file are images of their own
        const other = seen.get(image);
        if (other !== undefined && other.group !== group) {
          throw new DataError(
            "split.leak",
            `the ${modality} image of ${id} (${group}) is the same file as one of ${other.id} (${other.group})`,
            { fix: "Remove one of the two cases, or give both the same subject." },
          );
        }
        seen.set(image, { group, id });
      }
    }
  }
  return hashes;
}

/**
 * The SHA-256 of every label file that a split uses, by case id and modality or `shared`. Labels of unlabelled
 * cases are not opened.
 */
export async function hashLabels(
  dataset: FileDataset,
  { labelled, validation, test }: Split,
  files: Files = diskFiles,
): Promise<Record<string, Record<string, string>>> {
  const hashes = recordOf<Record<string, string>>([]);
  for (const id of [...labelled, ...validation, ...test]) {
    const of = hashes[id] = recordOf<string>([]);
    for (const [key, entry] of Object.entries(labelledCase(dataset, id).labels)) {
      of[key] = await hashFile(entryPath(dataset.root, entry).path, files);
    }
  }
  return hashes;
}
