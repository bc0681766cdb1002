/** Modalities that are volumes of one 4-D file, from training to prediction. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { readNiftiHeader } from "../../data/mod.ts";
import { inBlock, manifestOf, side, withDataset } from "../data/make_dataset.ts";
import { bytesOf, makeNifti } from "../data/make_nifti.ts";
import { inFreshFolder, oneStep, runExample } from "./run_example.ts";

/** Two images of the same block: bright on dark, and a little darker. */
function pairOfImages(i: number): Uint8Array {
  const voxels = Array.from({ length: 2 * side ** 3 }, (_, at) => {
    const second = at >= side ** 3;
    return inBlock(at % side ** 3) ? (second ? 30 : 50) + i + at % 7 : 0;
  });
  return gzipSync(
    makeNifti({ dim: [4, side, side, side, 2, 1, 1, 1], datatype: 4, data: bytesOf(voxels, 4) }),
  );
}

Deno.test("a data set of 4-D files trains to its end in a folder anywhere, and predict takes a volume of a file", () =>
  withDataset(4, async (data) => {
    const manifest = manifestOf(4);
    for (const [i, of] of manifest.cases.entries()) {
      await Deno.writeFile(`${data}/a/${of.id}.nii.gz`, pairOfImages(i));
      of.images = { a: `a/${of.id}.nii.gz#channel=0`, b: `a/${of.id}.nii.gz#channel=1` };
    }
    await Deno.writeTextFile(`${data}/dataset.json`, JSON.stringify(manifest));
    await inFreshFolder(async (root) => {
      const where = ["--out", `${root}/anywhere`, "--name", "run"],
        cpu = ["--device", "cpu", "--threads", "1"];
      const trained = await runExample(
        "train",
        ["--data", data, ...where, ...oneStep, ...cpu],
        data,
      );
      assert.equal(trained.code, 0, trained.stderr);
      const run = `${root}/anywhere/run`,
        [test] = JSON.parse(await Deno.readTextFile(`${run}/split.json`)).test;
      const shapeOf = async (path: string) => {
        const { header } = await readNiftiHeader(path);
        return [...header.shape, header.channels];
      };
      for (const modality of ["a", "b"]) {
        assert.deepEqual(await shapeOf(`${run}/predictions/${test}_${modality}.nii.gz`), [
          side,
          side,
          side,
          1,
        ]);
      }
      const predict = async (image: string) =>
        await runExample("predict", [
          ...["--checkpoint", `${run}/checkpoints/best.safetensors`, ...cpu],
          ...["--image", `b=${data}/a/case_0.nii.gz${image}`, "--out", `${root}/labels.nii.gz`],
        ], data);
      const refused = await predict("");
      assert.match(refused.stderr, /error\[nifti\.channels\].*2 volumes/);
      const one = await predict("#channel=1");
      assert.equal(one.code, 0, one.stderr);
      assert.deepEqual(await shapeOf(`${root}/labels.nii.gz`), [side, side, side, 1]);
    });
  }));
