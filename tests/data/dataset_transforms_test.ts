/** Data sets made from other data sets: misaligned, derived and repeated modalities. */

import assert from "node:assert/strict";
import { type Affine, multiplyAffine } from "../../data/affine.ts";
import type { LabelledCase } from "../../data/dataset.ts";
import { deriveContrast, repeatModality } from "../../data/perturb/derive_contrast.ts";
import type { DataError } from "../../data/errors.ts";
import { misalign } from "../../data/perturb/misalign.ts";
import { openSource } from "../../data/open_source.ts";
import { makePhantom } from "../../data/phantom.ts";
import { sameBits } from "./same_bits.ts";
import { rowMajor, type Volume, volumeFrom } from "../../data/volume.ts";
import { withholdModalities } from "../../data/perturb/withhold_modalities.ts";

const phantom = makePhantom({ cases: 4, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 6 });
const labelled = phantom.cases as LabelledCase[];

/** Centre of mass of all foreground labels, in mm. */
function centre({ array, spacing }: Volume<Uint8Array>): number[] {
  const sum = [0, 0, 0, 0];
  const [nx, ny, nz] = array.shape as [number, number, number];
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++) {
        if (array.get(x, y, z) === 0) continue;
        [x, y, z, 1].forEach((v, i) => sum[i]! += v);
      }
    }
  }
  return [0, 1, 2].map((i) => sum[i]! / sum[3]! * spacing[i]!);
}

const distance = (a: number[], b: number[]) => Math.hypot(...a.map((v, i) => v - b[i]!));

Deno.test("misalign() moves one modality with its labels by the given mm, the same way every time", async () => {
  const moved = misalign(phantom, { modality: "mr", translationMm: 6, seed: 1 });
  const directions = [];
  for (const of of labelled) {
    const [ct, mr] = (await phantom.loadLabels(of)).map(centre);
    const [ctAfter, mrAfter] = (await moved.loadLabels(of)).map(centre);
    assert.deepEqual(ctAfter, ct);
    // Labels move by whole voxels: up to half a voxel is rounded away along each axis.
    const rounding = Math.hypot(0.9, 0.9, 1);
    assert.ok(Math.abs(distance(mrAfter!, mr!) - 6) < rounding, `${distance(mrAfter!, mr!)}`);
    directions.push(mrAfter!.map((v, i) => Math.round(v - mr![i]!)).join());
  }
  assert.equal(new Set(directions).size, labelled.length);
  const again = misalign(phantom, { modality: "mr", translationMm: 6, seed: 1 });
  const [first, second] = await Promise.all([again, moved].map((of) => of.loadImages(labelled[0]!)));
  assert.ok(sameBits(rowMajor(first![1]!), rowMajor(second![1]!)));
});

Deno.test("misalign() with nothing to do changes nothing, and each of its means changes the image", async () => {
  const original = rowMajor((await phantom.loadImages(labelled[0]!))[1]!);
  const image = async (how: object) =>
    rowMajor((await misalign(phantom, { modality: "mr", seed: 1, ...how }).loadImages(labelled[0]!))[1]!);
  assert.ok(sameBits(await image({}), original));
  // Voxels of a size that f32 rounds: places are whole numbers but for rounding, and a zero must stay one.
  const noise = Float32Array.from({ length: 16 ** 3 }, (_, i) => i % 3 * Math.sin(i * i));
  const size = Math.fround(1.8);
  const affine: Affine = [...[0, 0, size, -13.5], ...[0, size, 0, -13.5], ...[2, 0, 0, -15], ...[0, 0, 0, 1]];
  const volumes = [0, 1].map(() => volumeFrom(noise, [16, 16, 16], affine));
  const odd = { ...phantom, loadImages: () => Promise.resolve(volumes) };
  const [, same] = await misalign(odd, { modality: "mr", translationMm: 0, seed: 1 }).loadImages(
    labelled[0]!,
  );
  assert.ok(sameBits(rowMajor(same!), noise));
  for (const how of [{ translationMm: 2 }, { rotationDegrees: 5 }, { elasticMm: 2 }, { droppedSlices: 2 }]) {
    const changed = await image(how);
    assert.ok(
      changed.some((v, i) => v !== original[i]) && changed.every(Number.isFinite),
      JSON.stringify(how),
    );
  }
  const refused = (error: DataError) => error.code === "config.misalignment";
  assert.throws(() => misalign(phantom, { modality: "pet", seed: 1 }), refused);
  assert.throws(() => misalign(phantom, { modality: "mr", translationMm: -1, seed: 1 }), refused);
});

Deno.test("makePhantom() with a misalignment moves the second modality and its labels by that much", async () => {
  const apart = makePhantom({ cases: 3, modalities: ["ct", "mr"], misalignmentMm: 5, seed: 6 });
  for (const of of apart.cases as LabelledCase[]) {
    const [ct, mr] = (await apart.loadLabels(of)).map(centre);
    assert.ok(Math.abs(distance(ct!, mr!) - 5) < 0.7, `${distance(ct!, mr!)}`);
  }
});

Deno.test("makePhantom() makes the same case from seed and index alone", async () => {
  const few = makePhantom({ cases: 5, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 6 });
  const many = makePhantom({ cases: 10, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 6 });
  const [a] = await few.loadImages(few.cases[4]!), [b] = await many.loadImages(many.cases[4]!);
  assert.ok(sameBits(rowMajor(a!), rowMajor(b!)));
  const other = makePhantom({ cases: 5, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 7 });
  assert.equal(sameBits(rowMajor((await other.loadImages(other.cases[4]!))[0]!), rowMajor(a!)), false);
});

Deno.test("deriveContrast() adds a contrast no monotone map explains, and says that it is derived", async () => {
  const derived = deriveContrast(phantom, { from: "mr", id: "b", seed: 2 });
  assert.deepEqual(derived.modalities[2], { id: "b", kind: "mr", derivedFrom: "mr" });
  assert.match(derived.name, /b derived from mr/);
  const of = derived.cases[0] as LabelledCase;
  const [, mr, b] = (await derived.loadImages(of)).map(rowMajor) as Float32Array[];
  const labels = (await derived.loadLabels(of)).map(rowMajor);
  assert.ok(sameBits(labels[2]!, labels[1]!));
  // Mean of b over rising steps of mr rises and then falls.
  const top = mr!.reduce((most, v) => Math.max(most, v), 0);
  const means = Array.from({ length: 8 }, (_, step) => {
    const inside = [...b!.keys()].filter((i) => mr![i]! > 0 && Math.floor(8 * mr![i]! / (top + 1)) === step);
    return inside.reduce((sum, i) => sum + b![i]!, 0) / inside.length;
  });
  const peak = means.indexOf(Math.max(...means));
  assert.ok(
    peak > 0 && peak < 7 && means[0]! < 0.8 * means[peak]! && means[7]! < 0.8 * means[peak]!,
    means.join(),
  );
});

Deno.test("repeatModality() shows the same image under a second name", async () => {
  const twice = repeatModality(phantom, { from: "ct", id: "ct2" });
  const [ct, , again] = await twice.loadImages(twice.cases[1]!);
  assert.ok(sameBits(rowMajor(again!), rowMajor(ct!)));
  assert.equal(twice.modalities[2]!.kind, "ct");
  assert.throws(
    () => repeatModality(phantom, { from: "pet", id: "x" }),
    (error: DataError) => error.code === "config.modality",
  );
});

Deno.test("a modality that is made from another one can be left alone", async () => {
  const added = deriveContrast(phantom, { from: "ct", id: "ct2", seed: 1 });
  const alone = withholdModalities(added, ["ct2"]), of = alone.cases[1] as LabelledCase;
  const [whole, images] = [await added.loadImages(added.cases[1]!), await alone.loadImages(of)];
  assert.equal(images.length, 1);
  assert.ok(sameBits(rowMajor(images[0]!), rowMajor(whole[2]!)));
  assert.equal((await alone.loadLabels(of)).length, 1);
  assert.equal((await alone.loadGeometry(of)).images.length, 1);
});

Deno.test("misalign() moves labels that lie on the grid of another image as it moves the image", async () => {
  const fine: Affine = [0.5, 0, 0, -0.25, 0, 0.5, 0, -0.25, 0, 0, 0.5, -0.25, 0, 0, 0, 1];
  const twice = (labels: Volume<Uint8Array>) => {
    const [x, y, z] = labels.array.shape as [number, number, number], data = new Uint8Array(8 * x * y * z);
    for (let at = 0, i = 0; i < 2 * x; i++) {
      for (let j = 0; j < 2 * y; j++) {
        for (let k = 0; k < 2 * z; k++, at++) data[at] = labels.array.get(i >> 1, j >> 1, k >> 1);
      }
    }
    return volumeFrom(data, [2 * x, 2 * y, 2 * z], multiplyAffine(labels.affine, fine));
  };
  const shared = {
    ...phantom,
    loadLabels: async (of: LabelledCase) => (await phantom.loadLabels(of)).map(twice),
  };
  const how = { modality: "mr", droppedSlices: 8, seed: 3 }, of = labelled[0]!;
  const [, wanted] = await misalign(phantom, how).loadLabels(of);
  const [, found] = await misalign(shared, how).loadLabels(of);
  assert.deepEqual(found!.array.shape, wanted!.array.shape);
  const [a, b] = [rowMajor(found!), rowMajor(wanted!)];
  // Of a case that is not moved, the labels are those that somebody drew.
  const others = misalign(shared, { ...how, cases: [labelled[1]!.id] });
  const [, still] = await others.loadLabels(of), [, drawn] = await shared.loadLabels(of);
  assert.ok(sameBits(rowMajor(still!), rowMajor(drawn!)));
  const unlike = a.reduce((sum, value, at) => sum + +(value !== b[at]), 0);
  assert.ok(unlike < 0.01 * a.length, `${unlike} of ${a.length}`);
});

Deno.test("withholdModalities() keeps places and labels, loses images, and refuses unknown modalities", async () => {
  const mrOnly = withholdModalities(phantom, ["mr"]);
  assert.deepEqual(mrOnly.modalities, phantom.modalities);
  for (const dataset of [mrOnly, openSource(mrOnly.source)]) {
    const of = dataset.cases[1] as LabelledCase;
    const [images, labels] = [await dataset.loadImages(of), await dataset.loadLabels(of)];
    assert.deepEqual([images.length, labels.length], [1, 1]);
    assert.ok(sameBits(rowMajor(images[0]!), rowMajor((await phantom.loadImages(labelled[1]!))[1]!)));
    assert.ok(sameBits(rowMajor(labels[0]!), rowMajor((await phantom.loadLabels(labelled[1]!))[1]!)));
  }
  // Labels may need an image that is left out: a shared map may lie on its grid.
  const needy = {
    ...phantom,
    loadLabels: (of: LabelledCase) =>
      "ct" in of.images ? phantom.loadLabels(of) : Promise.reject(new Error("no grid")),
  };
  const one = withholdModalities(needy, ["mr"]);
  assert.equal((await one.loadLabels(one.cases[1] as LabelledCase)).length, 1);
  const added = repeatModality(phantom, { from: "ct", id: "ct2" });
  const partly = { ...added, cases: [labelled[0]!, added.cases[1]!] };
  assert.deepEqual(withholdModalities(partly, ["ct2"]).cases.map(({ id }) => id), [labelled[1]!.id]);
  for (const given of [[], ["pet"]]) {
    assert.throws(() => withholdModalities(phantom, given), { code: "config.modality" });
  }
});
