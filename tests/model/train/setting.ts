/** A training small enough for a test. */

import {
  choosePreparation,
  type Dataset,
  makePhantom,
  type Split,
  splitByLabelRatio,
} from "../../../data/mod.ts";
import type { TrainOptions } from "../../../model/mod.ts";

/** Six phantoms of 16³ voxels with a split. */
export function smallData(): { dataset: Dataset; split: Split } {
  const dataset = makePhantom({
    cases: 6,
    modalities: ["ct", "mr"],
    misalignmentMm: 0,
    seed: 3,
    shape: [16, 16, 16],
  });
  return { dataset, split: splitByLabelRatio(dataset, { count: 1, seed: 3, validation: 1, test: 1 }) };
}

/** How they are prepared. */
export const smallPreparation = (await choosePreparation(smallData().dataset)).preparation;

/** Settings for it. */
export const smallOptions: TrainOptions = {
  patch: [16, 16, 16],
  steps: 6,
  batch: 1,
  validations: 2,
  semiSupervisedFrom: 0,
};
