/** One modality, two, three and four: all train, and every subset of them predicts. */

import assert from "node:assert/strict";
import { makePhantom, splitByLabelRatio } from "../../../data/mod.ts";
import { inputSets } from "../../../examples/robustness.ts";
import { encodeCheckpoint, openPredictor, predict, train } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";

const ids = ["ct", "t1", "t2", "flair"];
const patch: [number, number, number] = [16, 16, 16];

for (const count of [1, 2, 3, 4]) {
  Deno.test(`${count} modalit${count === 1 ? "y trains" : "ies train"}, and every subset predicts`, async () => {
    using device = await openDevice("cpu", { threads: 1 });
    const modalities = ids.slice(0, count);
    const dataset = makePhantom({ cases: 5, modalities, misalignmentMm: 0, seed: 3, shape: patch });
    const split = splitByLabelRatio(dataset, { count: 1, seed: 3, validation: 1, test: 1 });
    const method = count === 1 ? "cmc-single" : "cmc";
    const options = { method, patch, steps: 2, batch: 1, validations: 1, semiSupervisedFrom: 0 };
    using run = await train(options, { device, dataset, split });
    const { log, config, preparation, network, test } = run!;
    assert.ok(log.every(({ csc, cac }) => csc! > 0 && cac! > 0));
    assert.deepEqual([...new Set(test.map(({ modality }) => modality))], modalities);

    const info = { config, step: 2, best: null, split: "", data: "", preparation };
    using predictor = openPredictor(encodeCheckpoint(info, await network.stateDict()), device);
    const images = await dataset.loadImages(dataset.cases[0]!);
    const seen = new Map<string, Set<string>>();
    for (const { given } of inputSets(dataset)) {
      const subset = new Map(given.map((id) => [id, images[modalities.indexOf(id)]!]));
      const segmented = await predict(predictor, subset, { probabilities: true });
      assert.deepEqual(segmented.map(({ image }) => image.modality.id), given);
      for (const { image: { modality: { id } }, probabilities } of segmented) {
        seen.set(id, (seen.get(id) ?? new Set()).add(probabilities!.slice(0, 64).join()));
      }
    }
    // What another modality shows counts: from every set that has a modality, it is segmented differently.
    for (const id of modalities) assert.equal(seen.get(id)!.size, 2 ** (count - 1), id);
  });
}
