import assert from "node:assert/strict";
import { methodNamed } from "../../model/mod.ts";
import { openCases } from "../../examples/train_data.ts";
import { withDataset } from "../data/make_dataset.ts";

Deno.test("every part of a split of an unpaired set has each modality, whatever the seed", async () => {
  await withDataset(16, async (folder, manifest) => {
    manifest.paired = manifest.aligned = false;
    manifest.cases.forEach(({ id, images, labels }, i) => {
      const [has, lacks] = i % 4 === 0 ? ["b", "a"] : ["a", "b"]; // a quarter of the people have b
      delete images[lacks!];
      delete labels.shared;
      labels[has!] = `labels/${id}.nii.gz`;
    });
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    for (let splitSeed = 0; splitSeed < 12; splitSeed++) {
      const data = { data: folder, splitSeed, labelRatio: 0.5, validation: 4, test: 4 };
      const settings = { training: {}, method: methodNamed("cmc"), data, aboutSplit: [] };
      const { dataset, split } = await openCases(settings, undefined, () => {});
      const of = new Map(dataset.cases.map(({ id, images }) => [id, Object.keys(images)[0]!]));
      for (const part of ["labelled", "unlabelled", "validation", "test"] as const) {
        assert.equal(new Set(split[part].map((id) => of.get(id))).size, 2, `${part} with seed ${splitSeed}`);
      }
    }
  });
});
