import assert from "node:assert/strict";
import { makePhantom, splitByLabelRatio } from "../../../data/mod.ts";
import { costOf, resolveConfig, train, type TrainOptions } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";

const dataset = makePhantom({
  cases: 4,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 1,
  shape: [16, 16, 16],
});
const split = splitByLabelRatio(dataset, { ratio: 0.5, seed: 1, validation: 1, test: 1 });
const options: TrainOptions = {
  preset: "vit-tiny",
  patch: [16, 16, 16],
  batch: 1,
  validations: 1,
  semiSupervisedFrom: 0.5,
};

for (
  const [what, tuning] of [
    ["trained whole", {}],
    ["frozen, with adapters", { trunk: "frozen" }],
    ["frozen, with corrections of low rank", { trunk: "frozen", loraRank: 4 }],
  ] as const
) {
  Deno.test(`a Vision Transformer ${what} lowers its loss in 20 steps, in the memory that was predicted`, async () => {
    using device = await openDevice("cpu");
    const chosen = { ...options, ...tuning, steps: 20 };
    using run = await train(chosen, { device, dataset, split });
    const mean = (from: number) =>
      run!.log.slice(from, from + 5).reduce((sum, row) => sum + row.supervised!, 0) / 5;
    assert.ok(mean(15) < 0.95 * mean(0), `${mean(0)} to ${mean(15)}`);
    const { peakBytes, parameters, trainable } = await costOf(resolveConfig(chosen), {
      modalities: 2,
      classes: 4,
    });
    const ratio = device.stats().peakBytes / peakBytes;
    assert.ok(ratio > 0.8 && ratio < 1.2, `${ratio} of what was predicted`);
    assert.equal(trainable < parameters, "trunk" in tuning);
  });
}
