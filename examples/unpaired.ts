/**
 * Modalities of different people: nobody has both, so no voxel of one answers to a voxel of the other. CMC's forms
 * that compare voxels are refused; those that compare means of channels and shares of classes train.
 *
 * Takes about a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/unpaired.ts [STEPS]
 * ```
 *
 * @module
 */

import {
  CodedError,
  type Dataset,
  makePhantom,
  openDevice,
  splitByLabelRatio,
  table,
  train,
} from "../mod.ts";

const phantom = makePhantom({
  cases: 16,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 7,
  shape: [16, 24, 24],
});
const cases = phantom.cases.map((of, i) => {
  const { id } = phantom.modalities[i % 2]!;
  return { ...of, images: { [id]: of.images[id]! } };
});
const dataset: Dataset = { ...phantom, cases, paired: false, aligned: false };
const split = splitByLabelRatio(dataset, {
  ratio: 0.5,
  seed: 7,
  validation: 4,
  test: 4,
  stratify: ({ images }) => Object.keys(images)[0]!,
});
const steps = Number(Deno.args[0] ?? 120), patch: [number, number, number] = [16, 16, 16];

using device = await openDevice("auto");
try {
  using _ = await train({ steps, patch }, { device, dataset, split });
} catch (error) {
  if (!(error instanceof CodedError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
const settings = { cscForm: "pooled", cacForm: "proportion" };
using run = await train({ steps, patch, settings }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
