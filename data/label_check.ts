/**
 * Checks that need the label maps themselves, to be made before a training starts.
 *
 * @module
 */

import type { Dataset } from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { checkSameGrid } from "./grid_check.ts";
import { labelledCase, modalitiesOf } from "./dataset.ts";
import type { Split } from "./split.ts";
import { gridOf } from "./volume.ts";

/**
 * Counts the voxels of each class over the labelled training cases.
 *
 * @returns a warning for each case and modality that lacks a class
 * @throws {DataError} `label.missing` when a class occurs in none of them, in any modality: nothing could be learnt
 */
export async function checkLabelledClasses(
  dataset: Dataset,
  split: Pick<Split, "labelled">,
): Promise<DataWarning[]> {
  const warnings: DataWarning[] = [];
  const total = new Array<number>(dataset.classes.length + 1).fill(0);
  for (const id of split.labelled) {
    const volumes = await dataset.loadLabels(labelledCase(dataset, id));
    volumes.forEach(({ array: { data } }, at) => {
      const counts = new Array<number>(total.length).fill(0);
      for (let voxel = 0; voxel < data.length; voxel++) counts[data[voxel]!]!++;
      counts.forEach((count, label) => total[label]! += count);
      const lacking = dataset.classes.filter((of) => counts[of.id] === 0).map(({ name }) => name);
      if (lacking.length > 0) {
        const where = volumes.length > 1 ? `case ${id} (image ${at + 1})` : `case ${id}`;
        warnings.push({ code: "label.absent", message: `${where} has no ${lacking.join(", ")}` });
      }
    });
  }
  const missing = dataset.classes.filter((of) => total[of.id] === 0).map(({ name }) => name);
  if (missing.length > 0) {
    throw new DataError(
      "label.missing",
      `none of the labelled cases (${split.labelled.slice(0, 10).join(", ")}) has ${missing.join(", ")}`,
      { fix: "Raise the label ratio, choose another seed, or stratify the split." },
    );
  }
  return warnings;
}

/**
 * Loads every case that a split judges networks on, and checks what judging would trip over at the end of a
 * training: files that cannot be read, labels on another grid than their image, classes in none of the cases.
 *
 * @param seen is told each case as its turn comes
 * @throws {DataError} `split.validation` without validation cases, `label.missing` when no validation case has any
 * class, `geometry.mismatch`, and what loading throws
 */
export async function checkJudgedCases(
  dataset: Dataset,
  { validation, test }: Pick<Split, "validation" | "test">,
  seen: (id: string, share: number) => void = () => {},
): Promise<void> {
  if (validation.length === 0) {
    throw new DataError(
      "split.validation",
      "the split has no validation case, and these choose the checkpoint",
      {
        fix: "Give at least one validation subject.",
      },
    );
  }
  const ids = [...validation, ...test];
  let judges = false;
  for (const [at, id] of ids.entries()) {
    seen(id, at / ids.length);
    const of = labelledCase(dataset, id);
    const images = await dataset.loadImages(of), labels = await dataset.loadLabels(of);
    // In an aligned set a map that all images share may lie on the grid of another one; loading looks at that.
    if (!dataset.aligned) {
      modalitiesOf(dataset, of).forEach((modality, m) => {
        checkSameGrid(gridOf(images[m]!), gridOf(labels[m]!), `case ${id} (${modality.id})`);
      });
    }
    judges ||= at < validation.length &&
      labels.some(({ array: { data } }) => data.some((value) => value > 0));
  }
  if (judges) return;
  throw new DataError(
    "label.missing",
    `no validation case (${validation.join(", ")}) has any of the classes`,
    {
      fix: "Choose validation cases with labels of every class.",
    },
  );
}
