/** Label maps that lie on their image's grid although their files order the axes otherwise. */

import assert from "node:assert/strict";
import type { DataError } from "../../data/errors.ts";
import { checkJudgedCases } from "../../data/label_check.ts";
import { labelOnGrid } from "../../data/label_grid.ts";
import { datasetOf, openDataset } from "../../data/open_dataset.ts";
import { parseManifest } from "../../data/manifest.ts";
import { gridOf, rowMajor, volumeFrom } from "../../data/volume.ts";
import { verifyDataset } from "../../data/verify.ts";
import { imageFile, inBlock, labelFile, manifestOf, side, withDataset } from "./make_dataset.ts";
import { makeNifti } from "./make_nifti.ts";

const oblique = [1.8, -0.6, 0.1, 7, 0.7, 2.1, -0.4, -3, 0.05, 0.3, 3.9, 11, 0, 0, 0, 1];

Deno.test("labelOnGrid() takes every one of the 48 orders of axes back to the image's", () => {
  const image = volumeFrom(Uint8Array.from({ length: 60 }, (_, at) => at), [3, 4, 5], oblique);
  for (const axes of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    for (let bits = 0; bits < 8; bits++) {
      // Store the same voxels with axes exchanged and reversed, and an affine that says so.
      const shape = axes.map((axis) => image.array.shape[axis]!) as [number, number, number];
      const affine = new Array<number>(16).fill(0);
      affine[15] = 1;
      for (let row = 0; row < 3; row++) {
        affine[4 * row + 3] = oblique[4 * row + 3]!;
        axes.forEach((axis, at) => {
          const column = oblique[4 * row + axis]!, flip = bits >> at & 1;
          affine[4 * row + at] = flip ? -column : column;
          if (flip) affine[4 * row + 3]! += column * (shape[at]! - 1);
        });
      }
      const data = new Uint8Array(60);
      let at = 0;
      for (let i = 0; i < shape[0]; i++) {
        for (let j = 0; j < shape[1]; j++) {
          for (let k = 0; k < shape[2]; k++) {
            const index = [0, 0, 0];
            [i, j, k].forEach((v, n) => index[axes[n]!] = bits >> n & 1 ? shape[n]! - 1 - v : v);
            data[at++] = image.array.get(...index);
          }
        }
      }
      const { label, warnings } = labelOnGrid(volumeFrom(data, shape, affine), gridOf(image), "x");
      assert.deepEqual(rowMajor(label), image.array.data, `${axes} ${bits}`);
      assert.deepEqual(label.affine, image.affine);
      assert.deepEqual(warnings, []);
    }
  }
});

Deno.test("labelOnGrid() refuses what lies elsewhere, in whatever order", () => {
  const image = volumeFrom(new Uint8Array(60), [3, 4, 5], oblique);
  const moved = oblique.with(3, 9);
  const mismatch = (error: DataError) => error.code === "geometry.mismatch";
  assert.throws(
    () => labelOnGrid(volumeFrom(new Uint8Array(60), [3, 4, 5], moved), gridOf(image), "x"),
    mismatch,
  );
  assert.throws(
    () => labelOnGrid(volumeFrom(new Uint8Array(60), [5, 4, 3], oblique), gridOf(image), "x"),
    mismatch,
  );
  assert.throws(
    () => labelOnGrid(volumeFrom(new Uint8Array(8), [2, 2, 2], oblique), gridOf(image), "x"),
    mismatch,
  );
});

Deno.test("a label map stored in another order gives the labels that its image's order gives", async () => {
  await withDataset(1, async (folder) => {
    const expected = await openDataset(folder).then((set) => set.loadLabels(set.cases[0] as never));
    // The same places, stored from the other end of the first axis.
    const mirrored = (at: number) => at - at % side + side - 1 - at % side;
    const stored = labelFile(
      { srow: [-2, 0, 0, -5 + 2 * (side - 1), 0, 3, 0, -6, 0, 0, 4, -7] },
      (at) => inBlock(mirrored(at)) ? 1 + Number(mirrored(at) % side >= side / 2) : 0,
    );
    await Deno.writeFile(`${folder}/labels/case_0.nii.gz`, stored);
    const set = await openDataset(folder);
    const found = await set.loadLabels(set.cases[0] as never);
    assert.deepEqual(rowMajor(found[0]!), rowMajor(expected[0]!));
    assert.deepEqual((await verifyDataset(folder)).problems, []);
  });
});

Deno.test("at 45 degrees a label turns as its image, whatever rounding says", async () => {
  await withDataset(1, async (folder) => {
    const c = Math.SQRT1_2,
      tilt = (d: number) => [2 * c, -2 * (c + d), 0, 0, 2 * (c + d), 2 * c, 0, 0, 0, 0, 4, 0];
    for (const [image, label] of [[1e-7, -1e-7], [-1e-7, 1e-7], [0, 1e-7], [1e-7, 0]]) {
      for (const part of ["a", "b"]) {
        await Deno.writeFile(`${folder}/${part}/case_0.nii.gz`, imageFile({ srow: tilt(image!) }));
      }
      await Deno.writeFile(`${folder}/labels/case_0.nii.gz`, labelFile({ srow: tilt(label!) }));
      const set = await openDataset(folder), of = set.cases[0] as never;
      const [images, labels] = [await set.loadImages(of), await set.loadLabels(of)];
      assert.deepEqual(labels[0]!.affine, images[0]!.affine);
      const bright = rowMajor(images[0]!).map((value) => Number(value > 0));
      assert.deepEqual(Array.from(rowMajor(labels[0]!), (value) => Number(value > 0)), [...bright]);
    }
  });
});

Deno.test("each volume of a 4-D label file is read as the one that is named", async () => {
  const folder = await Deno.makeTempDir();
  const dim = [4, 4, 3, 2, 2, 1, 1, 1];
  await Deno.writeFile(`${folder}/x.nii`, makeNifti({ dim }));
  await Deno.writeFile(
    `${folder}/y.nii`,
    makeNifti({ dim, datatype: 2, data: Uint8Array.from({ length: 48 }, (_, at) => at < 24 ? 1 : 2) }),
  );
  const manifest = {
    ...manifestOf(1),
    cases: [{
      id: "x",
      subject: "x",
      images: { a: "x.nii#channel=0", b: "x.nii#channel=1" },
      labels: { a: "y.nii#channel=0", b: "y.nii#channel=1" },
    }],
  };
  const set = datasetOf(parseManifest(JSON.stringify(manifest), "m"), folder);
  const [a, b] = await set.loadLabels(set.cases[0] as never);
  assert.deepEqual([a!.array.get(0, 0, 0), b!.array.get(0, 0, 0)], [1, 2]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("labels that all images share may lie on the grid of any of them, and of nothing else", async () => {
  await withDataset(1, async (folder) => {
    const shifted = { srow: [2, 0, 0, 1, 0, 3, 0, -6, 0, 0, 4, -7] };
    await Deno.writeFile(`${folder}/a/case_0.nii.gz`, imageFile(shifted));
    const set = await openDataset(folder);
    const [a, b] = await set.loadLabels(set.cases[0] as never);
    assert.deepEqual([a!.affine[3], b!.affine[3]], [-5, -5]);
    await checkJudgedCases(set, { validation: ["case_0"], test: [] });
    await Deno.writeFile(`${folder}/labels/case_0.nii.gz`, labelFile({ srow: shifted.srow.with(3, 30) }));
    await assert.rejects(
      set.loadLabels(set.cases[0] as never),
      (error: DataError) => error.code === "geometry.mismatch" && /case case_0 \(a\)/.test(error.message),
    );
  });
});
