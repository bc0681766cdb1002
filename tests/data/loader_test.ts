import { scalingAffine, type Triple } from "../../data/affine.ts";
import assert from "node:assert/strict";
import { noAugmentation, strongAugmentation } from "../../data/augmentation.ts";
import {
  type Dataset,
  ignoredLabel,
  isLabelled,
  type LabelledCase,
  type UnlabelledCase,
  withoutLabels,
} from "../../data/dataset.ts";
import { BatchLoader } from "../../data/loader.ts";
import type { FurtherViews } from "../../data/patch.ts";
import { makePhantom } from "../../data/phantom.ts";
import { choosePreparation } from "../../data/prepare/choose.ts";
import {
  prepareCase,
  type PreparedImage,
  prepareImages,
  prepareLabelledCase,
} from "../../data/prepare/prepare.ts";
import { restoreLabels, restoreProbabilities, restoreSegmentation } from "../../data/prepare/restore.ts";
import { splitByLabelRatio } from "../../data/split.ts";
import { gridOf, rowMajor, shapeOf, volumeFrom } from "../../data/volume.ts";

const dataset = makePhantom({
  cases: 8,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 5,
  shape: [24, 26, 22],
});
const split = splitByLabelRatio(dataset, { ratio: 0.4, seed: 5, validation: 1, test: 1 });
const { preparation } = await choosePreparation(dataset);
const options = { preparation, patch: [16, 16, 16] as const, labelled: 2, unlabelled: 2, seed: 9 };

Deno.test("a batch is a pure function of seed and step", async () => {
  const once = new BatchLoader(dataset, split, options), again = new BatchLoader(dataset, split, options);
  await once.labelledBatch(0), await once.unlabelledBatch(7);
  assert.deepEqual(await once.labelledBatch(3), await again.labelledBatch(3));
  assert.deepEqual(await once.unlabelledBatch(3), await again.unlabelledBatch(3));
  const other = new BatchLoader(dataset, split, { ...options, seed: 10 });
  assert.notDeepEqual((await other.labelledBatch(3)).images, (await once.labelledBatch(3)).images);
});

Deno.test("both streams show all their cases equally often, independently of each other's length", async () => {
  const loader = new BatchLoader(dataset, split, { ...options, augmentation: noAugmentation });
  const seen = { labelled: new Map<string, number>(), unlabelled: new Map<string, number>() };
  for (let step = 0; step < split.labelled.length * split.unlabelled.length; step++) {
    for (const id of (await loader.labelledBatch(step)).cases) {
      seen.labelled.set(id, (seen.labelled.get(id) ?? 0) + 1);
    }
    for (const id of (await loader.unlabelledBatch(step)).cases) {
      seen.unlabelled.set(id, (seen.unlabelled.get(id) ?? 0) + 1);
    }
  }
  assert.deepEqual([...seen.labelled.keys()].sort(), split.labelled);
  assert.deepEqual([...seen.unlabelled.keys()].sort(), split.unlabelled);
  assert.deepEqual(new Set(seen.labelled.values()), new Set([2 * split.unlabelled.length]));
  assert.deepEqual(new Set(seen.unlabelled.values()), new Set([2 * split.labelled.length]));
});

Deno.test("the unlabelled stream never loads a label and is handed no case that has one", async () => {
  let labelsLoaded = 0;
  const spied: Dataset = {
    ...dataset,
    loadImages: (of) => {
      assert.equal(isLabelled(of), false);
      return dataset.loadImages(of);
    },
    loadLabels: (of) => {
      labelsLoaded++;
      return dataset.loadLabels(of);
    },
  };
  const loader = new BatchLoader(spied, split, options);
  for (let step = 0; step < 10; step++) await loader.unlabelledBatch(step);
  assert.equal(labelsLoaded, 0);
});

Deno.test("an unlabelled case cannot be asked for labels: it does not compile", () => {
  const stripped: UnlabelledCase = withoutLabels(dataset.cases[0]!);
  // @ts-expect-error: an UnlabelledCase has no labels
  const misuse = () => dataset.loadLabels(stripped);
  assert.equal(typeof misuse, "function");
  assert.equal("labels" in stripped, false);
});

Deno.test("aligned modalities share the geometry of a patch, intensity changes are their own", async () => {
  const same = {
    ...dataset,
    loadImages: async (of: UnlabelledCase) => {
      const [ct] = await dataset.loadImages(of);
      return [ct!, ct!];
    },
    modalities: [{ id: "ct", kind: "ct" }, { id: "mr", kind: "ct" }],
  } satisfies Dataset;
  const alike = { ...options, preparation: (await choosePreparation(same)).preparation };
  const still = { ...strongAugmentation, intensity: noAugmentation.intensity };
  const [a, b] =
    (await new BatchLoader(same, split, { ...alike, augmentation: still }).unlabelledBatch(0)).images;
  assert.deepEqual(a, b);
  const [c, d] = (await new BatchLoader(same, split, alike).unlabelledBatch(0)).images;
  assert.notDeepEqual(c, d);
  const apart = { ...same, aligned: false };
  const unaligned = { ...options, preparation: (await choosePreparation(apart)).preparation };
  const [e, f] =
    (await new BatchLoader(apart, split, { ...unaligned, augmentation: still }).unlabelledBatch(0)).images;
  assert.notDeepEqual(e, f);
});

Deno.test("weak views have the geometry of the strong ones and less change", async () => {
  const plain = new BatchLoader(dataset, split, { ...options, augmentation: noAugmentation });
  const still = {
    ...noAugmentation,
    intensity: { ...strongAugmentation.intensity, blur: 0, lowResolution: 0 },
  };
  const views = await new BatchLoader(dataset, split, {
    ...options,
    augmentation: still,
    views: { weak: true },
  })
    .unlabelledBatch(1);
  const reference = await plain.unlabelledBatch(1);
  const distance = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);
  for (const m of [0, 1]) {
    const weak = distance(views.weakImages![m]!, reference.images[m]!);
    const strong = distance(views.images[m]!, reference.images[m]!);
    assert.ok(weak > 0 && weak < strong / 4, `${weak} ${strong}`);
  }
  assert.equal(reference.weakImages, undefined);
});

Deno.test("a second strong view has the geometry of the first and as much change, of another kind", async () => {
  const intensityOnly = { ...noAugmentation, intensity: { ...strongAugmentation.intensity, noise: 0 } };
  const batch = (views: FurtherViews, augmentation = intensityOnly) =>
    new BatchLoader(dataset, split, { ...options, augmentation, views }).unlabelledBatch(1);
  const { images, secondImages, weakImages } = await batch({ second: true });
  assert.equal(weakImages, undefined);
  for (const m of [0, 1]) assert.notDeepEqual(secondImages![m], images[m]);
  assert.deepEqual((await batch({ weak: true })).images, images, "further views do not change the first");
  const turned = await batch({ second: true }, { ...noAugmentation, rotationDegrees: 30 });
  assert.deepEqual(turned.secondImages, turned.images);
});

Deno.test("labels of a patch follow its image", async () => {
  // An image that is its own label map: after any geometry the two must still agree away from edges.
  const mirror: Dataset = {
    ...dataset,
    modalities: [{ id: "ct", kind: "ct" }, { id: "mr", kind: "ct" }],
    loadImages: async (of) =>
      (await dataset.loadLabels(dataset.cases.find(({ id }) => id === of.id) as LabelledCase)).map((labels) =>
        volumeFrom(Float32Array.from(rowMajor(labels), (v) => v * 80), shapeOf(labels), labels.affine)
      ),
  };
  const turned = { ...strongAugmentation, intensity: noAugmentation.intensity };
  const mirrored = (await choosePreparation(mirror)).preparation;
  const loader = new BatchLoader(mirror, split, { ...options, preparation: mirrored, augmentation: turned });
  let compared = 0, wrong = 0;
  for (let step = 0; step < 5; step++) {
    const { images, labels } = await loader.labelledBatch(step);
    images[0]!.forEach((value, i) => {
      const label = (value * 425 - 175) / 80;
      if (Math.abs(label - Math.round(label)) > 0.02) return; // an interpolated edge
      compared++;
      if (Math.round(label) !== labels[0]![i]) wrong++;
    });
  }
  assert.ok(compared > 20000 && wrong / compared < 0.01, `${wrong} of ${compared}`);
});

Deno.test("a patch larger than the volume is padded with background", async () => {
  const loader = new BatchLoader(dataset, split, {
    ...options,
    patch: [48, 16, 16],
    augmentation: noAugmentation,
  });
  const { images, labels } = await loader.labelledBatch(0);
  const first = images[0]!.subarray(0, 256); // the first slab lies outside
  assert.deepEqual(new Set(first), new Set([0]));
  assert.deepEqual(new Set(labels[0]!.subarray(0, 256)), new Set([0]));
});

Deno.test("predictions of a prepared case go back to the grid of the raw image", async () => {
  const of = dataset.cases[0] as LabelledCase;
  const [raw] = await dataset.loadLabels(of);
  const plain = await prepareLabelledCase(dataset, of, preparation);
  const restored = restoreLabels(plain.images[0]!, plain.labels[0]!);
  assert.deepEqual(rowMajor(restored), rowMajor(raw!));
  assert.deepEqual(restored.affine, raw!.affine);

  const coarse = await prepareCase(dataset, withoutLabels(of), { ...preparation, spacing: [3, 3, 3] });
  const image = coarse.images[1]!;
  const size = image.data.length;
  const background = new Float32Array(2 * size).fill(0.25, 0, size).fill(0.75, size);
  const [zero, one] = [...restoreProbabilities(image, background)];
  assert.deepEqual(zero!.array.shape, raw!.array.shape);
  zero!.array.data.forEach((p: number, i: number) => assert.ok(Math.abs(p + one!.array.data[i]! - 1) < 1e-6));
});

Deno.test("what is said of a scan reaches its last slices where its sides are no multiples of the voxels it was brought to", () => {
  const [modality] = preparation.modalities;
  for (const [side, mm] of [[12, 5], [22, 5], [10, 3], [11, 2]] as const) {
    const values = Float32Array.from({ length: side ** 3 }, (_, at) => 1 + at % 9);
    const scan = volumeFrom(values, [side, side, side], scalingAffine([1, 1, 1]));
    const coarse = {
      ...preparation,
      modalities: [modality!],
      spacing: [mm, mm, mm] as Triple,
      crop: "none",
    } as const;
    const [image] = prepareImages(new Map([[modality!.id, scan]]), coarse) as [PreparedImage];
    const size = image.data.length, labels = new Uint8Array(size).fill(1);
    const probabilities = new Float32Array(2 * size).fill(0.25, 0, size).fill(0.75, size);
    for (const said of [{ labels }, { labels, probabilities }]) {
      assert.ok(
        rowMajor(restoreSegmentation(image, said)).every((label) => label === 1),
        `${side} at ${mm} mm`,
      );
    }
  }
  // Where nothing was resampled, a cut-off voxel keeps its distance: outside of the box is background.
  const whole = prepareImages(
    new Map([[
      modality!.id,
      volumeFrom(new Float32Array(1000).fill(1, 0, 500), [10, 10, 10], scalingAffine([1, 1, 1])),
    ]]),
    { ...preparation, modalities: [modality!], spacing: [1, 1, 1], crop: "foreground" },
  )[0]!;
  const inBox = new Uint8Array(whole.data.length).fill(1);
  assert.equal(rowMajor(restoreLabels(whole, inBox)).reduce((sum, x) => sum + x, 0), inBox.length);
});

Deno.test("labels go with their modality when a preparation names modalities in another order", async () => {
  const of = dataset.cases[0] as LabelledCase;
  const apart = {
    ...dataset,
    loadLabels: async (of: LabelledCase) => {
      const [first, second] = await dataset.loadLabels(of);
      return [first!, volumeFrom(new Uint8Array(rowMajor(second!).length), shapeOf(second!), second!.affine)];
    },
  };
  const turned = { ...preparation, modalities: preparation.modalities.toReversed() };
  const { images, labels } = await prepareLabelledCase(apart, of, turned);
  const filled = images.map(({ modality }, at) => [modality.id, labels[at]!.some((label) => label > 0)]);
  const [first, second] = dataset.modalities;
  assert.deepEqual(Object.fromEntries(filled), { [first!.id]: true, [second!.id]: false });
});

Deno.test("an aligned modality on a smaller grid is brought onto a common one: background and ignored labels outside", async () => {
  const wide = volumeFrom(
    Float32Array.from({ length: 1000 }, (_, at) => 1 + at % 9),
    [10, 10, 10],
    scalingAffine([1, 1, 1]),
  );
  const narrow = volumeFrom(
    Float32Array.from({ length: 64 }, (_, at) => 1 + at % 5),
    [4, 4, 4],
    scalingAffine([1, 1, 1], [3, 3, 8]), // beyond the wide one by two voxels along the last axis
  );
  const filled = (of: typeof wide, label: number) =>
    volumeFrom(new Uint8Array(of.array.size).fill(label), shapeOf(of), of.affine);
  const two: Dataset = {
    ...dataset,
    modalities: [{ id: "ct", kind: "other" }, { id: "mr", kind: "other" }],
    loadImages: () => Promise.resolve([wide, narrow]),
    loadLabels: () => Promise.resolve([filled(wide, 1), filled(narrow, 2)]),
    loadGeometry: () => Promise.resolve({ images: [gridOf(wide), gridOf(narrow)], labels: [] }),
  };
  const chosen = (await choosePreparation(two)).preparation;
  assert.deepEqual([chosen.spacing, chosen.oneGrid], [[1, 1, 1], false]);
  const { images, labels } = await prepareLabelledCase(two, dataset.cases[0] as LabelledCase, chosen);
  // x, y, z to R, A, S: the last axis of these volumes is S, so D of the prepared ones.
  assert.deepEqual(images.map(({ shape }) => shape), [[12, 10, 10], [12, 10, 10]]);
  const count = (data: Uint8Array, value: number) => data.reduce((n, v) => n + +(v === value), 0);
  assert.deepEqual([count(labels[0]!, 1), count(labels[0]!, ignoredLabel)], [1000, 200]);
  assert.deepEqual([count(labels[1]!, 2), count(labels[1]!, ignoredLabel)], [64, 1136]);
  assert.equal(count(images[1]!.inside!, 1), 64);
  assert.equal(images[1]!.data[0], Math.fround(images[1]!.background));
  assert.equal(labels[1]![(8 * 10 + 3) * 10 + 3], 2);
  const loader = new BatchLoader(two, split, {
    ...options,
    preparation: chosen,
    augmentation: noAugmentation,
  });
  // Where one image lacks voxels, an unlabelled patch shows background in both.
  const [a] = (await loader.unlabelledBatch(0)).images as [Float32Array];
  const shown = a.filter((value) => value !== Math.fround(images[0]!.background)).length;
  assert.ok(shown > 0 && shown <= 2 * 64, `${shown} voxels of two patches`);
});
