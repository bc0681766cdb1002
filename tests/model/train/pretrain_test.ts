import assert from "node:assert/strict";
import { maskedReconstruction } from "../../../losses/mod.ts";
import { encodeCheckpoint, openPredictor, train, type TrainOptions } from "../../../model/mod.ts";
import { hiddenBlocks } from "../../../model/train/methods/pretrain.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  openDevice,
  Random,
  type SafeTensor,
  Tensor,
} from "../../../tensor/mod.ts";
import { openOracle } from "../../../tensor/cpu/oracle.ts";
import { makePhantom, splitByLabelRatio } from "../../../data/mod.ts";

const phantom = (paired = true) =>
  makePhantom(
    {
      ...{ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1, shape: [16, 16, 16] },
      ...(paired ? {} : { paired }),
    } as Parameters<typeof makePhantom>[0],
  );

/** The data set, with every label refusing to be read. */
function withoutLabels(dataset: ReturnType<typeof phantom>) {
  return {
    ...dataset,
    loadLabels: () => {
      throw new Error("a label was read");
    },
  };
}

const options: TrainOptions = {
  method: "pretrain",
  patch: [16, 16, 16],
  batch: 2,
  validations: 1,
  learningRate: 1e-2,
};

Deno.test("maskedReconstruction() counts hidden voxels alone", async () => {
  using device = openOracle();
  const [image, prediction, hidden] = [[1, 2, 3, 4], [2, 2, 5, 0], [1, 0, 1, 0]].map((values) =>
    Tensor.from(device, values, [1, 1, 4, 1, 1])
  ) as [Tensor, Tensor, Tensor];
  assert.equal(await maskedReconstruction(prediction, image, hidden).item(), (1 + 4) / 2);
  const nothing = Tensor.zeros(device, [1, 1, 4, 1, 1]);
  assert.equal(await maskedReconstruction(prediction, image, nothing).item(), 0);
  assert.throws(() => maskedReconstruction(prediction, image, nothing.narrow(2, 0, 2)), {
    code: "shape.mismatch",
  });
});

Deno.test("hidden blocks are whole, of the asked share, and others for each sample", async () => {
  using device = openOracle();
  const image = Tensor.zeros(device, [2, 1, 12, 16, 10]);
  const mask = hiddenBlocks(image, 0.5, 4, new Random(2));
  assert.deepEqual(mask.shape, image.shape);
  const values = [...await mask.data()];
  const at = (n: number, d: number, h: number, w: number) => values[((n * 12 + d) * 16 + h) * 10 + w];
  let differ = false;
  for (let d = 0; d < 12; d++) {
    for (let h = 0; h < 16; h++) {
      for (let w = 0; w < 10; w++) {
        const block = [d, h, w].map((x) => 4 * Math.floor(x / 4)) as [number, number, number];
        assert.equal(at(0, d, h, w), at(0, ...block));
        differ ||= at(0, d, h, w) !== at(1, d, h, w);
      }
    }
  }
  assert.ok(differ);
  const share = values.reduce<number>((sum, v) => sum + v, 0) / values.length;
  assert.ok(share > 0.3 && share < 0.7, `${share}`);
});

Deno.test("a pre-training opens no label, its losses fall, every parameter moves, and it segments nothing", async () => {
  using device = await openDevice("cpu");
  const dataset = withoutLabels(phantom());
  const split = splitByLabelRatio(phantom(), { ratio: 0.5, seed: 1, validation: 1, test: 1 });
  using run = await train({ ...options, steps: 20 }, { device, dataset, split });
  const mean = (from: number, name: string) =>
    run!.log.slice(from, from + 5).reduce((sum, row) => sum + row[name]!, 0) / 5;
  for (const name of ["loss", "reconstruction", "prediction"]) {
    assert.ok(mean(15, name) < 0.9 * mean(0, name), `${name}: ${mean(0, name)} to ${mean(15, name)}`);
  }
  assert.deepEqual([run!.test, run!.best.dice, run!.best.step], [[], null, 20]);
  using fresh = run!.method.build(
    { device, random: new Random(0).child("init") },
    { modalities: 2, classes: 4 },
    run!.config,
    run!.config.settings,
  );
  const start = await fresh.stateDict();
  for (const [name, { data }] of await run!.network.stateDict()) {
    assert.notDeepEqual(data, start.get(name)!.data, name);
  }
  const info = {
    config: run!.config,
    preparation: run!.preparation,
    step: 20,
    best: null,
    split: "",
    data: "",
  };
  const bytes = encodeCheckpoint(info, run!.best.network);
  assert.throws(() => openPredictor(bytes, device), { code: "checkpoint.pretraining" });
});

Deno.test("a training starts from a pre-training's encoders", async () => {
  using device = await openDevice("cpu");
  const dataset = phantom();
  const split = splitByLabelRatio(dataset, { ratio: 0.5, seed: 1, validation: 1, test: 1 });
  using first = await train({ ...options, steps: 1 }, { device, dataset, split });
  const tensors = new Map(
    [...await first!.network.stateDict()].map(([name, t]) => [`network.${name}`, t as SafeTensor]),
  );
  const file = decodeSafetensors(encodeSafetensors(tensors));
  const notes: string[] = [];
  const progress = { isTerminal: false, write: (text: string) => void notes.push(text) };
  using second = await train(
    { patch: [16, 16, 16], steps: 1, batch: 1, validations: 1, learningRate: 1e-9 },
    {
      ...{ device, dataset, split, init: { file, partial: true } },
      progress,
    },
  );
  const [from, to] = [await first!.network.stateDict(), await second!.network.stateDict()];
  const name = "encoders.1.levels.2.blocks.0.conv.weight";
  const worst = Math.max(...Array.from(to.get(name)!.data, (v, i) => Math.abs(v - from.get(name)!.data[i]!)));
  assert.ok(worst < 1e-6, `${worst}`);
  assert.match(
    notes.join(""),
    /decoders\.0\.head\.weight: the file has \[2,8,1,1,1\], the network \[4,8,1,1,1\]/,
  );
});
