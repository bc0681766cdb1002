/**
 * The first thing to try when a training learns nothing: can the network learn a single case by heart? If not, the
 * labels, the preparation or the learning rate are at fault, not the method.
 *
 * Takes half a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/overfit_one_case.ts [STEPS]
 * ```
 *
 * @module
 */

import { makePhantom, openDevice, splitByLabelRatio, train } from "../mod.ts";

using device = await openDevice("auto");
const dataset = makePhantom({
  cases: 6,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 7,
  shape: [16, 16, 16],
});
const split = splitByLabelRatio(dataset, { count: 1, seed: 7, validation: 1, test: 1 });
const steps = Number(Deno.args[0] ?? 100);
using run = await train(
  { method: "supervised", overfit: 1, steps, patch: [16, 16, 16], learningRate: 1e-2 },
  { device, dataset, split },
);
const { dice, step } = run!.best;
console.log(`Dice of the case it was trained on: ${dice?.toFixed(3)} after ${step} steps`);
