/** The small data set and the short training that every row of the table of methods is tried on. */

import { type Dataset, makePhantom, type Split } from "../../../data/mod.ts";
import type { Method, TrainOptions } from "../../../model/mod.ts";

/** Six phantoms of 16³ voxels, in as many modalities as the method can take. */
export function dataFor({ mostModalities = 2 }: Method): { dataset: Dataset; split: Split } {
  const modalities = ["ct", "mr"].slice(0, mostModalities);
  const dataset = makePhantom({ cases: 6, modalities, misalignmentMm: 0, seed: 3, shape: [16, 16, 16] });
  const ids = dataset.cases.map(({ id }) => id);
  return {
    dataset,
    split: {
      labelled: ids.slice(0, 2),
      unlabelled: ids.slice(2, 4),
      validation: ids.slice(4, 5),
      test: ids.slice(5),
    },
  };
}

/** Enough steps for a loss to fall. */
export const options: TrainOptions = {
  patch: [16, 16, 16],
  batch: 2,
  steps: 30,
  validations: 2,
  semiSupervisedFrom: 0.2,
  augmentation: "none",
  learningRate: 2e-3,
};
