/**
 * Segments scans with a network as ONNX Runtime computes it and as we do, window by window, and says how far the
 * probabilities and the label maps are apart.
 *
 * ```sh
 * deno run -A tests/reproduce/onnx_volumes.ts best.safetensors mr=a_1.nii.gz,derived=b_1.nii.gz [more cases]
 * ```
 */

import assert from "node:assert/strict";
import { prepareImages, readImage } from "../../data/mod.ts";
import { type PatchPredictor, slidingWindow } from "../../eval/mod.ts";
import { exportOnnx, openPredictor, outputName, patchPredictor } from "../../model/mod.ts";
import { openDevice } from "../../tensor/mod.ts";
import { openModel } from "../model/export/onnx_runtime.ts";

const [checkpoint, ...cases] = Deno.args;
assert.ok(checkpoint && cases.length > 0, "give a checkpoint and MODALITY=FILE,MODALITY=FILE for each case");
const bytes = await Deno.readFile(checkpoint), model = exportOnnx(bytes);
console.log(`checkpoint ${bytes.length} bytes, model ${model.length} bytes`);
using device = await openDevice("cpu", { threads: 1 });
using predictor = openPredictor(bytes, device);
const { info: { preparation }, segment: { network, patch, classes } } = predictor;
const ids = preparation.modalities.map(({ id }) => id), run = await openModel(model);

const theirs: PatchPredictor = async (patches) => {
  const shape = [1, 1, ...patch];
  const outputs = await run(Object.fromEntries(ids.map((id, at) => [id, { shape, data: patches[at]! }])));
  return ids.map((id) => outputs[outputName(id)]!);
};

for (const files of cases) {
  const paths = new Map(files.split(",").map((pair) => pair.split("=") as [string, string]));
  const images = new Map(
    await Promise.all(ids.map(async (id) => [id, await readImage(paths.get(id)!)] as const)),
  );
  const prepared = prepareImages(images, preparation);
  const segmentWith = (predict: PatchPredictor) =>
    slidingWindow({
      images: prepared.map(({ data }) => data),
      padding: prepared.map(({ background }) => background),
      shape: prepared[0]!.shape,
      patch,
      classes,
      probabilities: true,
    }, predict);
  const mine = await segmentWith(patchPredictor(device, network, patch, ids.map(() => true)));
  const other = await segmentWith(theirs);
  ids.forEach((id, at) => {
    const most = mine.probabilities![at]!.reduce(
      (most, p, voxel) => Math.max(most, Math.abs(p - other.probabilities![at]![voxel]!)),
      0,
    );
    const labels = mine.labels[at]!,
      unlike = labels.filter((label, voxel) => label !== other.labels[at]![voxel]);
    console.log(
      `${paths.get(id)} (${id}): probabilities at most ${most.toExponential(1)} apart, ` +
        `${unlike.length} of ${labels.length} labels differ`,
    );
    assert.ok(most < 1e-4);
  });
}
