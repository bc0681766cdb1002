/**
 * What a network trained on two modalities does with one: the other's place is filled from the one that is there.
 *
 * Takes about a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/missing_modality.ts [STEPS]
 * ```
 *
 * @module
 */

import {
  type CaseRecord,
  evaluateCases,
  makePhantom,
  openDevice,
  splitByLabelRatio,
  table,
  train,
  withholdModalities,
} from "../mod.ts";

using device = await openDevice("auto");
const dataset = makePhantom({
  cases: 12,
  modalities: ["ct", "mr"],
  misalignmentMm: 1,
  seed: 7,
  shape: [16, 24, 24],
});
const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 2, test: 2 });
const steps = Number(Deno.args[0] ?? 120);
using run = await train({ steps, patch: [16, 16, 16] }, { device, dataset, split });

const show = (title: string, records: readonly CaseRecord[]) =>
  console.log(`${title}\n${table(records, { rows: ["modality"], columns: ["dice", "assd_mm"] })}`);
show("both are there", run!.test);
for (const { id } of dataset.modalities) {
  const alone = withholdModalities(dataset, [id]);
  show(`only ${id} is there`, await evaluateCases(alone, split.test, run!.segment, run!.preparation));
}
