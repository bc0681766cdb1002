/** Where patches of several modalities are cut. */

import assert from "node:assert/strict";
import { noAugmentation } from "../../data/augmentation.ts";
import type { Dataset } from "../../data/dataset.ts";
import { BatchLoader } from "../../data/loader.ts";
import { makePhantom } from "../../data/phantom.ts";
import { gridOf, volumeFrom } from "../../data/volume.ts";
import { preparationOf } from "./make_dataset.ts";

/** Every case of an unpaired, aligned set has a size of its own and is bright in its far corner only. */
function unpaired(): Dataset {
  const phantom = makePhantom({ cases: 4, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
  const sizes = [12, 20, 28, 36];
  const volume = (id: string) => {
    const side = sizes[phantom.cases.findIndex((of) => of.id === id)]!;
    const data = Float32Array.from({ length: side ** 3 }, (_, at) => {
      const place = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side];
      return place.every((i) => i >= side - 8) ? 100 + at % 7 : at === 0 ? 1 : 0; // one voxel keeps the crop whole
    });
    return volumeFrom(data, [side, side, side], [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  };
  const cases = phantom.cases.map(({ id, subject }, at) => ({
    id,
    subject,
    images: { [at % 2 === 0 ? "ct" : "mr"]: id },
  }));
  return {
    ...phantom,
    modalities: [{ id: "ct", kind: "mr" }, { id: "mr", kind: "mr" }],
    paired: false,
    aligned: true,
    cases,
    loadImages: ({ id }) => Promise.resolve([volume(id)]),
    loadGeometry: ({ id }) => Promise.resolve({ images: [gridOf(volume(id))], labels: [] }),
  };
}

Deno.test("in an unpaired, aligned set each case is cut at a place of its own: no patch is empty", async () => {
  const dataset = unpaired();
  const split = { labelled: [], unlabelled: dataset.cases.map(({ id }) => id), validation: [], test: [] };
  const loader = new BatchLoader(dataset, split, {
    preparation: await preparationOf(dataset),
    patch: [8, 8, 8],
    labelled: 1,
    unlabelled: 4,
    seed: 2,
    augmentation: noAugmentation,
  });
  let empty = 0;
  for (let step = 0; step < 10; step++) {
    for (const image of (await loader.unlabelledBatch(step)).images) {
      for (let n = 0; n < 4; n++) {
        const patch = image.subarray(n * 512, (n + 1) * 512);
        if (new Set(patch).size < 3) empty++;
      }
    }
  }
  assert.ok(empty <= 2, `${empty} of 80 patches show nothing`);
});
