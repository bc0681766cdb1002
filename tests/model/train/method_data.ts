/** The small data set and the short training that every row of the table of methods is tried on. */

import { makePhantom, type Split } from "../../../data/mod.ts";
import type { Method, TrainOptions } from "../../../model/mod.ts";

const split: Split = {
  labelled: ["s_0", "s_1"],
  unlabelled: ["s_2", "s_3"],
  validation: ["s_4"],
  test: ["s_5"],
};

/** Six phantoms of 16³ voxels, in as many modalities as the method can take. */
export function dataFor({ mostModalities = 2 }: Method) {
  const modalities = ["ct", "mr"].slice(0, mostModalities);
  const made = makePhantom({ cases: 6, modalities, misalignmentMm: 0, seed: 3, shape: [16, 16, 16] });
  const ids = new Map(made.cases.map(({ id }, i) => [`s_${i}`, id]));
  const named = Object.fromEntries(
    Object.entries(split).map(([part, list]) => [part, list.map((id: string) => ids.get(id)!)]),
  );
  return { dataset: made, split: named as unknown as Split };
}

export const options: TrainOptions = {
  patch: [16, 16, 16],
  batch: 2,
  steps: 30,
  validations: 2,
  semiSupervisedFrom: 0.2,
  augmentation: "none",
  learningRate: 2e-3,
};
