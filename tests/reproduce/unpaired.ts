/**
 * CMC in its unpaired form against supervised training: CT of some made-up people, MR of others, a fifth of them with
 * labels. Prints a line a training, then by how much CMC wins or does not, seed by seed.
 *
 *   deno run -A tests/reproduce/unpaired.ts [STEPS] [SEED,…] [NAME=VALUE …]      such as 300 0,1,2 cacWeight=0.3
 *
 * A seed decides who is labelled, validated and tested as well as the initial values; the people are always the same.
 */

import { type Case, makePhantom, splitByLabelRatio } from "../../data/mod.ts";
import { train, type TrainOptions } from "../../model/mod.ts";
import { openDevice } from "../../tensor/mod.ts";

const [steps = "300", seeds = "0,1,2", ...changes] = Deno.args;
const changed = changes.map((change) => change.split("=") as [string, string]).map(([name, value]) =>
  [name, Number.isNaN(Number(value)) ? value : Number(value)] as const
);
const dataset = makePhantom({
  cases: 40,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 0,
  shape: [24, 24, 24],
  paired: false,
});
const modalityOf = ({ images }: Case) => Object.keys(images)[0]!;
const patch: [number, number, number] = [24, 24, 24];
const methods: Readonly<Record<string, TrainOptions>> = {
  supervised: { method: "supervised" },
  cmc: {
    method: "cmc",
    settings: { cscForm: "pooled", cacForm: "proportion", ...Object.fromEntries(changed) },
  },
};

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
using device = await openDevice("cpu", { threads: 1 });
const differences: number[] = [];
console.log("seed  method      steps  Dice ct  Dice mr  mean    validation  seconds");
for (const seed of seeds.split(",").map(Number)) {
  const split = splitByLabelRatio(dataset, {
    ratio: 0.2,
    seed,
    validation: 6,
    test: 10,
    stratify: modalityOf,
  });
  const reached: number[] = [];
  for (const [name, options] of Object.entries(methods)) {
    const begin = performance.now();
    using run = await train({ ...options, patch, seed, steps: Number(steps), validations: 6 }, {
      device,
      dataset,
      split,
    });
    const dice = ["ct", "mr"].map((modality) =>
      mean(run!.test.flatMap((record) => record.modality === modality ? record.dice ?? [] : []))
    );
    reached.push(mean(dice));
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    const shown = [...dice, mean(dice), run!.best.dice].map((value) => value!.toFixed(4));
    console.log(`${seed}     ${name.padEnd(10)}  ${steps}    ${shown.join("   ")}      ${seconds}`);
  }
  differences.push(reached[1]! - reached[0]!);
}
console.log(
  `cmc − supervised, Dice: ${differences.map((value) => value.toFixed(4)).join(", ")}; mean ${
    mean(differences).toFixed(4)
  }`,
);
