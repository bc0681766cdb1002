import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { BatchLoader } from "../../../data/mod.ts";
import { train, type TrainOptions, type TrainSetting, type TrainState } from "../../../model/mod.ts";
import { openTraining } from "../../../model/train/training.ts";
import { trainStep } from "../../../model/train/step.ts";
import { type Device, openDevice, type StateDict } from "../../../tensor/mod.ts";
import type { WebGpuDevice } from "../../../tensor/webgpu/device.ts";
import { devices } from "../../tensor/devices.ts";
import { smallData, smallOptions, smallPreparation } from "./setting.ts";

/** Where a step of a test is in its training. */
const place = { step: 0, learningRate: 1e-3, factor: 1 };

function fingerprint(state: StateDict): string {
  const hash = createHash("sha256");
  for (const [name, { data }] of state) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** Trains and returns the log and a fingerprint of the final parameters. */
async function outcome(device: Device, options: TrainOptions, extra: Partial<TrainSetting> = {}) {
  let last: TrainState | undefined;
  const save = (state: TrainState) => Promise.resolve(void (last = state));
  const run = await train({ ...smallOptions, ...options }, { device, ...smallData(), save, ...extra });
  run?.[Symbol.dispose]();
  return { log: run?.log, parameters: fingerprint(last!.network), last: last! };
}

/** One step in the semi-supervised phase with the given weights; returns names of the parameters it changed more than the supervised step did. */
async function parametersChangedBy(
  device: Device,
  weights: { cscWeight: number; cacWeight: number },
): Promise<string[]> {
  const after = async (chosen: { cscWeight: number; cacWeight: number }) => {
    const data = smallData();
    using training = openTraining({ ...smallOptions, settings: chosen }, {
      device,
      ...data,
      preparation: smallPreparation,
    });
    const loader = new BatchLoader(data.dataset, data.split, {
      preparation: smallPreparation,
      patch: [16, 16, 16],
      labelled: 1,
      unlabelled: 1,
      seed: 0,
    });
    const labelled = await loader.labelledBatch(0);
    const none = chosen.cscWeight + chosen.cacWeight === 0;
    const unlabelled = none ? undefined : await loader.unlabelledBatch(0);
    await trainStep(training, [{ labelled, unlabelled }], place);
    return await training.network.stateDict();
  };
  const [plain, changed] = [await after({ cscWeight: 0, cacWeight: 0 }), await after(weights)];
  return [...plain.keys()].filter((name) =>
    plain.get(name)!.data.some((v, i) => v !== changed.get(name)!.data[i])
  );
}

Deno.test("CSC alone and CAC alone each change encoder parameters on an unlabelled batch", async () => {
  using device = await openDevice("cpu");
  for (const weights of [{ cscWeight: 1, cacWeight: 0 }, { cscWeight: 0, cacWeight: 1 }]) {
    const changed = await parametersChangedBy(device, weights);
    for (const encoder of ["encoders.0.", "encoders.1."]) {
      assert.ok(changed.some((name) => name.startsWith(encoder)), `${JSON.stringify(weights)}: ${encoder}`);
    }
  }
});

Deno.test("CMC with both weights 0 trains bit for bit like the supervised method", async () => {
  using device = await openDevice("cpu");
  const off = await outcome(device, { settings: { cscWeight: 0, cacWeight: 0 } });
  const supervised = await outcome(device, { method: "supervised" });
  const on = await outcome(device, {});
  assert.deepEqual(off.log, supervised.log);
  assert.equal(off.parameters, supervised.parameters);
  assert.notEqual(on.parameters, supervised.parameters);
});

Deno.test("the same seed gives the same log and parameters, another seed others", async () => {
  using device = await openDevice("cpu");
  const [one, two, other] = [
    await outcome(device, {}),
    await outcome(device, {}),
    await outcome(device, { seed: 1 }),
  ];
  assert.deepEqual(one.log, two.log);
  assert.equal(one.parameters, two.parameters);
  assert.notEqual(one.parameters, other.parameters);
});

Deno.test("a run that was stopped and resumed equals one that was not", async () => {
  using device = await openDevice("cpu");
  const whole = await outcome(device, {});
  const controller = new AbortController();
  let seen = 0;
  const first = await outcome(device, {}, {
    signal: controller.signal,
    progress: { isTerminal: true, write: () => ++seen === 2 && controller.abort() },
  });
  assert.equal(first.log, undefined);
  assert.ok(first.last.step < 6);
  const second = await outcome(device, {}, { resume: first.last });
  assert.deepEqual(second.log, whole.log);
  assert.equal(second.parameters, whole.parameters);
});

Deno.test("cmc-confident trains on weak and strong views", async () => {
  using device = await openDevice("cpu");
  const confident = await outcome(device, { method: "cmc-confident" });
  assert.ok(confident.log!.at(-1)!.cac! > 0);
  assert.notEqual(confident.parameters, (await outcome(device, {})).parameters);
});

Deno.test("voxelwise consistency on a data set that is not aligned is refused; without it, it trains", async () => {
  using device = await openDevice("cpu");
  const { dataset, split } = smallData();
  const loose = { ...dataset, aligned: false };
  await assert.rejects(train(smallOptions, { device, dataset: loose, split }), { code: "method.unpaired" });
  using run = await train({ ...smallOptions, method: "supervised", steps: 1, validations: 1 }, {
    device,
    dataset: loose,
    split,
  });
  assert.equal(run!.log.length, 1);
});

Deno.test("NaN in an image stops the training and names the case", async () => {
  using device = await openDevice("cpu");
  const { dataset, split } = smallData();
  const poisoned = {
    ...dataset,
    loadImages: async (of: Parameters<typeof dataset.loadImages>[0]) => {
      const volumes = await dataset.loadImages(of);
      volumes[0]!.array.set(8, 8, 8, NaN);
      return volumes;
    },
  };
  await assert.rejects(train(smallOptions, { device, dataset: poisoned, split }), (error: Error) => {
    assert.match(error.message, new RegExp(split.labelled[0]!));
    return true;
  });
});

const webgpu = devices.find(({ name }) => name === "webgpu");

Deno.test({
  name: "five steps on webgpu give the losses of the cpu to 1e-3",
  ignore: webgpu === undefined,
  async fn() {
    const options = { steps: 5, validations: 1, semiSupervisedFrom: 0.2 };
    using cpu = await openDevice("cpu");
    using gpu = await webgpu!.open();
    const [expected, actual] = [await outcome(cpu, options), await outcome(gpu, options)];
    expected.log!.forEach(({ loss }, i) => {
      const other = actual.log![i]!.loss!;
      assert.ok(Math.abs(other - loss!) < 1e-3 * loss!, `step ${i + 1}: ${loss} on cpu, ${other} on webgpu`);
    });
  },
});

Deno.test({
  name: "a step on webgpu reads back once; after the first it compiles and allocates nothing",
  ignore: webgpu === undefined,
  async fn() {
    using device = await webgpu!.open();
    const { gpu } = device as WebGpuDevice;
    const data = smallData();
    using training = openTraining(smallOptions, { device, ...data, preparation: smallPreparation });
    const patch = {
      preparation: smallPreparation,
      patch: [16, 16, 16] as const,
      labelled: 1,
      unlabelled: 1,
      seed: 0,
    };
    const loader = new BatchLoader(data.dataset, data.split, patch);
    const [labelled, unlabelled] = [await loader.labelledBatch(0), await loader.unlabelledBatch(0)];
    let compiled = 0;
    device.onCompile = (count) => compiled = count;
    for (let step = 0; step < 2; step++) await trainStep(training, [{ labelled, unlabelled }], place);
    assert.ok(compiled > 20, `${compiled} kernels`);
    compiled = 0;
    const calls: Record<string, number> = { submit: 0, createBuffer: 0, mapAsync: 0 };
    const counted = <T extends object>(target: T, name: keyof T & string) => {
      const original = target[name] as (...inputs: unknown[]) => unknown;
      Object.assign(target, {
        [name](this: unknown, ...inputs: unknown[]) {
          calls[name]!++;
          return original.apply(this, inputs);
        },
      });
      return () => Object.assign(target, { [name]: original });
    };
    counted(gpu.queue, "submit");
    counted(gpu, "createBuffer");
    const restore = counted(GPUBuffer.prototype, "mapAsync");
    const before = device.stats().dispatches;
    await trainStep(training, [{ labelled, unlabelled }], place);
    restore();
    // Every 512 dispatches the GPU is given what there is, so that it works while the rest is recorded.
    const submit = Math.ceil((device.stats().dispatches - before) / 512);
    assert.deepEqual([compiled, calls], [0, { submit, createBuffer: 0, mapAsync: 1 }]);
  },
});

for (const { name, open } of devices.filter(({ name }) => name !== "reference cpu")) {
  Deno.test(`steps leave no buffer behind after the first (${name})`, async () => {
    using device = await open();
    const data = smallData();
    const steps = name === "cpu" ? 60 : 4;
    using training = openTraining(smallOptions, { device, ...data, preparation: smallPreparation });
    const loader = new BatchLoader(data.dataset, data.split, {
      preparation: smallPreparation,
      patch: [16, 16, 16],
      labelled: 1,
      unlabelled: 1,
      seed: 0,
    });
    const [labelled, unlabelled] = [await loader.labelledBatch(0), await loader.unlabelledBatch(0)];
    const counts: string[] = [];
    for (let step = 0; step < steps; step++) {
      await trainStep(training, [{ labelled, unlabelled }], place);
      const { liveBuffers, liveBytes } = device.stats();
      counts.push(`${liveBuffers} ${liveBytes}`);
    }
    assert.equal(new Set(counts).size, 1);
  });

  Deno.test(`closing a training frees everything (${name})`, async () => {
    using device = await open();
    openTraining(smallOptions, { device, ...smallData(), preparation: smallPreparation })[Symbol.dispose]();
    assert.deepEqual([device.stats().liveBuffers, device.stats().liveBytes], [0, 0]);
  });
}
