/**
 * Checks that need the label maps themselves, to be made before a training starts.
 *
 * @module
 */

import type { Dataset } from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { labelledCase } from "./prepare.ts";
import type { Split } from "./split.ts";

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
