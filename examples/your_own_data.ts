/**
 * Trains on your scans: a folder with a `dataset.json`, checked before anything is computed.
 *
 * Takes as long as you give it steps; a hundred are a first look. Needs to read the folder, and nothing else.
 *
 * ```sh
 * deno run --allow-read=scans examples/your_own_data.ts scans [STEPS]
 * ```
 *
 * @module
 */

import { openDataset, openDevice, splitByLabelRatio, table, train, verifyDataset } from "../mod.ts";

const [folder, steps = "100"] = Deno.args;
if (folder === undefined) {
  console.error("Name a folder with a dataset.json; data/README.md says what stands in it.");
  Deno.exit(2);
}

const { problems } = await verifyDataset(folder);
for (const { severity, code, message, fix } of problems) {
  console.error(`${severity}[${code}]: ${message}${fix === undefined ? "" : `\n  ${fix}`}`);
}
if (problems.some(({ severity }) => severity === "error")) Deno.exit(1);

using device = await openDevice("auto");
console.error(device.description);
const dataset = await openDataset(folder);
// The manifest may state who is trained and tested on; else a tenth of the training subjects keeps its labels.
const split = dataset.split ??
  splitByLabelRatio(dataset, { ratio: "10%", seed: 0, validation: 0.2, test: 0.2 });
const method = dataset.modalities.length > 1 ? "cmc" : "supervised";
using run = await train({ method, steps: Number(steps), validations: 1 }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
