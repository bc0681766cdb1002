/** Segmenting cases with one or more networks, slab by slab. */

import assert from "node:assert/strict";
import { restoreProbabilities, restoreSegmentation, rowMajor, volumeFrom } from "../../../data/mod.ts";
import type { Preparation } from "../../../data/mod.ts";
import type { Affine, Grid, Triple, Volume } from "../../../data/mod.ts";
import type { PatchPredictor } from "../../../eval/mod.ts";
import {
  averaged,
  caseBytes,
  encodeCheckpoint,
  mirrored,
  openEnsemble,
  openPredictor,
  predict,
  predictCase,
  train,
} from "../../../model/mod.ts";
import { spacingOf } from "../../../data/affine.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { Random } from "../../../tensor/random.ts";
import { smallData } from "../train/setting.ts";

const device = await openDevice("cpu", { threads: 1 });

/** A checkpoint of a network that has hardly learnt anything, with another preparation than it was trained with. */
async function checkpoint(seed: number, change: Partial<Preparation> = {}): Promise<Uint8Array> {
  using run = (await train({ seed, patch: [16, 16, 16], steps: 1, batch: 1, validations: 1 }, {
    device,
    ...smallData(),
  }))!;
  const info = { config: run.config, step: 1, best: null, split: "", data: "" };
  return encodeCheckpoint(
    { ...info, preparation: { ...run.preparation, ...change } },
    await run.network.stateDict(),
  );
}

const [one, two] = [await checkpoint(1), await checkpoint(2)];
/** Another voxel size than the scans have, so that they are resampled there and back. */
const coarse = await checkpoint(1, { spacing: [3, 2.1, 2.3] });

/** A volume of noise with axes of its own. */
function scan(seed: number, shape: Triple, affine: Affine): Volume<Float32Array> {
  const random = new Random(seed);
  const data = Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, at) => 100 + 60 * Math.sin(at / 37) + random.normal(0, 20),
  );
  return volumeFrom(data, shape, affine);
}

/** Deeper than two windows, oblique, two of its axes stored backwards. */
const affine: Affine = [0.1, 0, -1.6, 40, 0, -1.7, 0.1, 30, 2, 0.1, 0.1, -60, 0, 0, 0, 1];
const shape: Triple = [45, 20, 22];
const pair = () => new Map([["ct", scan(3, shape, affine)], ["mr", scan(4, shape, affine)]]);

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  assert.equal(a.length, b.length);
  let most = 0;
  for (let at = 0; at < a.length; at++) most = Math.max(most, Math.abs(a[at]! - b[at]!));
  return most;
};

for (const [name, bytes] of [["as they are", one], ["resampled", coarse]] as const) {
  Deno.test(`predictCase() slab by slab gives what a whole case gives, for scans ${name}`, async () => {
    using ensemble = openEnsemble(new Map([["one", bytes]]), device);
    using predictor = openPredictor(bytes, device);
    const whole = await predict(predictor, pair(), { probabilities: true });
    const parts = await predictCase(ensemble, pair(), { probabilities: true });
    const lean = await predictCase(ensemble, pair());
    assert.deepEqual(parts.map(({ modality, on }) => [modality, on]), [
      [null, "ct"],
      ["ct", "ct"],
      ["mr", "mr"],
    ]);
    for (const [at, segmentation] of whole.entries()) {
      const { image, probabilities } = segmentation, part = parts[at + 1]!;
      const expected = [...restoreProbabilities(image, probabilities!)];
      for (const [k, volume] of expected.entries()) {
        assert.ok(largest(rowMajor(part.probabilities![k]!), rowMajor(volume)) < 1e-6);
      }
      const labels = rowMajor(restoreSegmentation(image, segmentation));
      const differing = rowMajor(part.labels).filter((label, voxel) => label !== labels[voxel]).length;
      assert.ok(differing < 1e-3 * labels.length, `${differing} labels differ`); // near ties of float32 sums
      assert.deepEqual(part.labels.affine, affine);
      assert.deepEqual(rowMajor(lean[at + 1]!.labels), rowMajor(part.labels));
    }
    const [fused, ct, mr] = parts;
    for (const [k, volume] of fused!.probabilities!.entries()) {
      const [a, b] = [ct!, mr!].map(({ probabilities }) => rowMajor(probabilities![k]!)) as [
        Float32Array,
        Float32Array,
      ];
      assert.ok(largest(rowMajor(volume), a.map((p, at) => (p + b[at]!) / 2)) < 1e-6);
    }
  });
}

Deno.test("an ensemble is the mean of its networks, prepared alike or not", async () => {
  const options = { probabilities: true };
  const alone = async (bytes: Uint8Array) => {
    using ensemble = openEnsemble(new Map([["alone", bytes]]), device);
    return await predictCase(ensemble, pair(), options);
  };
  for (const [left, right] of [[one, two], [two, coarse]] as const) {
    using ensemble = openEnsemble(new Map([["left", left], ["right", right]]), device);
    const together = await predictCase(ensemble, pair(), options);
    const [a, b] = [await alone(left), await alone(right)];
    let apart = 0;
    for (const [at, { probabilities, labels }] of together.entries()) {
      const means = probabilities!.map((volume, k) => {
        const [p, q] = [a, b].map((each) => rowMajor(each[at]!.probabilities![k]!)) as [
          Float32Array,
          Float32Array,
        ];
        apart = Math.max(apart, largest(p, q));
        assert.ok(largest(rowMajor(volume), p.map((value, i) => (value + q[i]!) / 2)) < 1e-6);
        return rowMajor(volume);
      });
      const best = rowMajor(labels).map((_, i) =>
        means.reduce((most, mean, k) => mean[i]! > means[most]![i]! ? k : most, 0)
      );
      assert.deepEqual(rowMajor(labels), best);
    }
    assert.ok(apart > 0.01, "the networks differ");
  }
});

Deno.test("networks of other classes, modalities or orientation are not averaged", async () => {
  const other = await checkpoint(1, { classes: [1, 2, 3].map((id) => ({ id, name: `class ${id}` })) });
  const turned = await checkpoint(1, { orientation: { rule: "slices" } });
  for (const wrong of [other, turned]) {
    assert.throws(() => openEnsemble(new Map([["a", one], ["b", wrong]]), device), {
      code: "predict.ensemble",
      message: /^a and b cannot be averaged: \w+ of the one: .+; of the other: /,
    });
  }
});

/** Says of each voxel its value, and its place along the last axis: not symmetric. */
const placeAlongW: PatchPredictor = ([patch]) =>
  Promise.resolve([Float32Array.from(patch!, (value, at) => value + at % 3)]);

Deno.test("mirrored() averages over mirrored views, turned back; averaged() over predictors", async () => {
  const patch: Triple = [2, 2, 3], data = Float32Array.from({ length: 12 }, (_, at) => at * at);
  const along = (axes: number[]) => mirrored(placeAlongW, patch, axes)([data], 1);
  assert.deepEqual((await along([0, 1]))[0], data.map((value, at) => value + at % 3));
  assert.deepEqual((await along([2]))[0], data.map((value) => value + 1));
  assert.deepEqual((await along([0, 1, 2]))[0], data.map((value) => value + 1));
  const zero: PatchPredictor = ([given]) => Promise.resolve([new Float32Array(given!.length)]);
  assert.deepEqual(
    (await averaged([placeAlongW, zero])([data], 1))[0],
    data.map((value, at) => (value + at % 3) / 2),
  );
});

Deno.test("caseBytes() of a longer scan grows by the scan and its labels alone; probabilities are held in slabs", () => {
  using ensemble = openEnsemble(new Map([["one", one]]), device);
  const bytes = (depth: number, probabilities: boolean) => {
    const grid: Grid = { shape: [depth, 128, 128], affine, spacing: spacingOf(affine) };
    return caseBytes(ensemble, new Map([["ct", grid], ["mr", grid]]), probabilities);
  };
  const perVoxel = (probabilities: boolean) =>
    (bytes(200, probabilities) - bytes(100, probabilities)) / (100 * 128 * 128);
  // Two scans as float32 and prepared with their masks, three label maps on their grids and two on the network's.
  assert.ok(Math.abs(perVoxel(false) - (2 * 4 + 2 * 5 + 3 + 2)) < 4, `${perVoxel(false)} bytes a voxel`);
  assert.ok(Math.abs(perVoxel(true) - perVoxel(false) - 3 * 4 * 4) < 1e-6, "four floats for each of three");
});

Deno.test("predictCase() takes the overlap of windows", async () => {
  using ensemble = openEnsemble(new Map([["one", one]]), device);
  let calls = 0;
  const count = async (overlap: number) => {
    calls = 0;
    await predictCase(ensemble, pair(), { overlap, progress: () => calls++ });
    return calls;
  };
  assert.ok(await count(0.75) > await count(0.25));
});
