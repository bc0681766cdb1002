/** Training with activations stored as f16. */

import assert from "node:assert/strict";
import {
  costOf,
  encodeCheckpoint,
  methodNamed,
  openPredictor,
  resolveConfig,
  train,
  trainInFolder,
  trainStep,
} from "../../../model/mod.ts";
import { AdamW, noGrad, openDevice, Random, Tensor } from "../../../tensor/mod.ts";
import type { WebGpuDevice } from "../../../tensor/webgpu/device.ts";
import { testF16 } from "../../tensor/webgpu/adapter.ts";
import { smallData, smallOptions, smallPreparation } from "./setting.ts";

const task = { modalities: 2, classes: 4 };

/** One noisy patch of each modality. */
function noise(size: number) {
  const random = new Random(1);
  const filled = <T>(make: (length: { length: number }) => T) =>
    [0, 1].map(() => make({ length: size ** 3 }));
  return {
    shape: [size, size, size],
    images: filled((length) => Float32Array.from(length, () => random.normal())),
    labels: filled((length) => Uint8Array.from(length, () => random.integer(task.classes))),
  };
}

/** A CMC step: its losses, and the most bytes that it took besides parameters and moments. */
async function step(device: WebGpuDevice, storage: "f32" | "f16") {
  const config = resolveConfig({ preset: "unet-light", patch: [32, 32, 32], batch: 1, storage });
  const method = methodNamed("cmc");
  using network = method.build({ device, random: new Random(0) }, task, config, config.settings);
  using optimizer = new AdamW(network);
  const before = device.stats();
  device.resetPeak();
  const batch = noise(32);
  const losses = await trainStep(
    { device, network, method, optimizer, config },
    [{ labelled: batch, unlabelled: batch }],
    { step: 0, learningRate: 1e-3, factor: 1 },
  );
  const { liveBytes, liveBuffers, peakBytes } = device.stats();
  assert.deepEqual([liveBytes, liveBuffers], [before.liveBytes, before.liveBuffers]);
  return { losses, bytes: peakBytes - liveBytes };
}

testF16(
  "a CMC step stored as f16 has the losses of f32 in 0.65 of the memory, and leaks none",
  async (device) => {
    const half = await step(device, "f16");
    const full = await step(device, "f32");
    for (const [name, value] of Object.entries(full.losses)) {
      const distance = Math.abs(half.losses[name]! - value);
      assert.ok(distance < 2e-3 * Math.abs(value), `${name}: ${half.losses[name]}, with f32 ${value}`);
    }
    assert.ok(half.bytes < 0.65 * full.bytes, `${half.bytes} bytes, with f32 ${full.bytes}`);
    assert.equal(device.stats().liveBuffers, 0);
  },
);

Deno.test("a larger network's step takes under 0.6 of the memory, parameters included", async () => {
  const peak = async (storage: "f32" | "f16") =>
    (await costOf(resolveConfig({ preset: "unet-small", storage }), task)).peakBytes;
  const [half, full] = [await peak("f16"), await peak("f32")];
  assert.ok(half < 0.6 * full, `${half} bytes, with f32 ${full}`);
});

Deno.test("f16 storage on a device without it is refused before anything is made", async () => {
  using device = await openDevice("cpu");
  const root = await Deno.makeTempDir();
  const options = { ...smallOptions, storage: "f16" } as const;
  const setting = { device, ...smallData() };
  await assert.rejects(train(options, setting), { code: "dtype.unsupported" });
  await assert.rejects(trainInFolder(options, { ...setting, root, name: "half" }), {
    code: "dtype.unsupported",
  });
  assert.deepEqual([...Deno.readDirSync(root)], []);
  await Deno.remove(root);
  assert.equal(device.stats().liveBuffers, 0);
});

Deno.test("a checkpoint of a training stored as f16 predicts on a device without f16", async () => {
  using device = await openDevice("cpu");
  const config = resolveConfig({ ...smallOptions, storage: "f16" });
  const init = { device, random: new Random(0) };
  using network = methodNamed("cmc").build(init, task, { ...config, storage: "f32" }, config.settings);
  const bytes = encodeCheckpoint({
    config,
    preparation: smallPreparation,
    step: 1,
    best: null,
    split: "",
    data: "",
  }, await network.stateDict());
  using predictor = openPredictor(bytes, device);
  assert.equal(predictor.info.config.storage, "f16");
  const logits = async (of: typeof network) => {
    const image = Tensor.full(device, [1, 1, 16, 16, 16], 0.5);
    using result = noGrad(() => of.segment([image, null])[0]!);
    image.dispose();
    return await result.data();
  };
  assert.deepEqual(await logits(predictor.segment.network), await logits(network));
});
