/**
 * Label maps that networks predicted, in the place of a person's: one round of self-training.
 *
 * @module
 */

import { dirname, relative, resolve } from "node:path";
import { recordOf } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { fileName } from "./file_name.ts";
import { listed } from "./listed.ts";
import type { Manifest } from "./manifest.ts";
import { datasetOf, entryPath, type FileDataset, type OpenOptions } from "./open_dataset.ts";
import { volumePath } from "./volume_path.ts";

/** The folder that holds both of two. */
function commonFolder(a: string, b: string): string {
  let folder = a;
  while (relative(folder, b).startsWith("..") && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

/**
 * Some cases of a data set with label maps from a folder in the place of labels of their own, which are not opened.
 * The files are named as `predict --data` names them: after the case, and where the modalities of a set do not share one
 * space, after case and modality.
 *
 * @param ids the cases; each must have its files
 * @throws {DataError} `pseudo_labels.missing` listing the cases without a file
 */
export async function withPseudoLabels(
  dataset: FileDataset,
  folder: string,
  ids: readonly string[],
  onWarning?: OpenOptions["onWarning"],
): Promise<FileDataset> {
  const { manifest, plain } = dataset.source.options as { manifest: Manifest; plain: OpenOptions };
  const [from, to] = [await Deno.realPath(dataset.root), await realFolder(folder)];
  const root = commonFolder(from, to);
  const inRoot = (entry: string) => {
    const { path, channel } = volumePath(entry);
    const below = relative(root, entryPath(from, path).path);
    return channel === undefined ? below : `${below}#channel=${channel}`;
  };
  const used = new Set(dataset.modalities.map(({ id }) => id)), wanted = new Set(ids), missing: string[] = [];
  const cases: Manifest["cases"][number][] = [];
  for (const { id, subject, images } of manifest.cases.filter(({ id }) => wanted.has(id))) {
    const own = Object.keys(images).filter((modality) => used.has(modality));
    const isJoint = dataset.aligned || own.length === 1;
    const files: [string, string][] = isJoint
      ? [["shared", resolve(to, `${fileName(id)}.nii.gz`)]]
      : own.map((modality) => [modality, resolve(to, `${fileName(id, modality)}.nii.gz`)]);
    if (!(await Promise.all(files.map(([, path]) => isThere(path)))).every(Boolean)) missing.push(id);
    cases.push({
      id,
      subject,
      images: recordOf(Object.entries(images).map(([key, entry]) => [key, inRoot(entry)])),
      labels: recordOf(files.map(([key, path]) => [key, relative(root, path)])),
    });
  }
  if (missing.length > 0) {
    throw new DataError(
      "pseudo_labels.missing",
      `${folder} has no label map for ${missing.length} of ${cases.length} unlabelled cases: ${
        listed(missing)
      }`,
      { fix: "Let predict --data write into this folder; what is done is left out." },
    );
  }
  // Predictions hold classes, not the values that the files of the set may hold in their place.
  const { labelMap: _, splits: __, ...rest } = manifest;
  return datasetOf({ ...rest, cases }, root, { ...plain, ...(onWarning && { onWarning }) });
}

async function realFolder(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new DataError("data.path", `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
      fix: "Give the folder that predict --data wrote.",
    });
  }
}
