/**
 * The library in ten lines: trains CMC on a phantom of two modalities and prints its Dice and ASSD.
 *
 * Takes half a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/quickstart.ts [STEPS]
 * ```
 *
 * @module
 */

import { makePhantom, openDevice, splitByLabelRatio, table, train } from "../mod.ts";

const steps = Number(Deno.args[0] ?? 120);

using device = await openDevice("auto");
const dataset = makePhantom({
  cases: 12,
  modalities: ["ct", "mr"],
  misalignmentMm: 1,
  seed: 7,
  shape: [16, 24, 24],
});
const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 2, test: 2 });
using run = await train({ steps, patch: [16, 16, 16] }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
