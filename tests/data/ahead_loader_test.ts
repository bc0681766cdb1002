import assert from "node:assert/strict";
import { AheadLoader } from "../../data/ahead_loader.ts";
import { deriveContrast, repeatModality } from "../../data/perturb/derive_contrast.ts";
import type { DataError } from "../../data/errors.ts";
import { BatchLoader } from "../../data/loader.ts";
import { misalign } from "../../data/perturb/misalign.ts";
import { openDataset } from "../../data/open_dataset.ts";
import { makePhantom } from "../../data/phantom.ts";
import { preparationOf, withDataset } from "./make_dataset.ts";

Deno.test("AheadLoader gives bit for bit the batches of BatchLoader, in any order, for every kind of source", async () => {
  await withDataset(3, async (folder) => {
    const files = await openDataset(folder);
    const phantom = makePhantom({
      cases: 3,
      modalities: ["ct"],
      misalignmentMm: 0,
      seed: 2,
      shape: [16, 16, 16],
    });
    const datasets = [
      files,
      misalign(files, { modality: "b", translationMm: 2, elasticMm: 1, droppedSlices: 1, seed: 1 }),
      deriveContrast(phantom, { from: "ct", id: "mr", seed: 3 }),
      repeatModality(phantom, { from: "ct", id: "again" }),
    ];
    for (const dataset of datasets) {
      const [a, b, c] = dataset.cases.map(({ id }) => id) as [string, string, string];
      const split = { labelled: [a], unlabelled: [b], validation: [], test: [c] };
      const preparation = await preparationOf(dataset);
      const options = {
        preparation,
        patch: [6, 6, 6],
        labelled: 1,
        unlabelled: 2,
        seed: 4,
        views: { weak: true },
      } as const;
      using ahead = new AheadLoader(dataset, split, options);
      const here = new BatchLoader(dataset, split, options);
      for (const step of [0, 1, 2, 9, 3]) {
        assert.deepEqual(await ahead.labelledBatch(step), await here.labelledBatch(step), dataset.name);
        assert.deepEqual(await ahead.unlabelledBatch(step), await here.unlabelledBatch(step), dataset.name);
      }
      assert.ok(ahead.waitedMs > 0);
    }
  });
});

Deno.test("AheadLoader passes on errors with their codes, and warnings", async () => {
  await withDataset(3, async (folder) => {
    await Deno.remove(`${folder}/a/case_1.nii.gz`);
    const dataset = await openDataset(folder);
    const split = { labelled: ["case_0"], unlabelled: ["case_1"], validation: [], test: [] };
    const preparation = await preparationOf(dataset, dataset.cases.slice(0, 1));
    using ahead = new AheadLoader(dataset, split, {
      preparation,
      patch: [6, 6, 6],
      labelled: 1,
      unlabelled: 1,
      seed: 4,
    });
    await assert.rejects(
      ahead.unlabelledBatch(0),
      (error: DataError) => error.code === "data.path" && error.fix === "Check the path.",
    );
    assert.equal((await ahead.labelledBatch(0)).cases[0], "case_0");
    const leak = { ...split, test: ["case_0"] };
    assert.throws(
      () =>
        new AheadLoader(dataset, leak, {
          preparation,
          patch: [6, 6, 6],
          labelled: 1,
          unlabelled: 1,
          seed: 4,
        }),
      (error: DataError) => error.code === "split.leak",
    );
  });
});
