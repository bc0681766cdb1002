/**
 * Trains CMC on a two-modality phantom and prints its Dice/ASSD table: the library in ten lines.
 *
 * ```sh
 * deno run examples/quickstart.ts
 * ```
 *
 * @module
 */

import { makePhantom, openDevice, splitByLabelRatio, table, train } from "../mod.ts";

using device = await openDevice("auto");
const dataset = makePhantom({ cases: 12, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 7 });
const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 2, test: 2 });
using run = await train({ method: "cmc", preset: "unet-tiny", steps: 120 }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
