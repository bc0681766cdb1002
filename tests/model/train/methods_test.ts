/** What every row of the table of methods must do. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { makePhantom, type Split } from "../../../data/mod.ts";
import {
  costOf,
  type Method,
  methods,
  resolveConfig,
  type StepBatch,
  taskOf,
  train,
  type TrainOptions,
  type TrainState,
} from "../../../model/mod.ts";
import { openTraining } from "../../../model/train/training.ts";
import { type LoadedBatch, loadStep } from "../../../model/train/batches.ts";
import { preparationFor } from "../../../model/train/preparation_for.ts";
import { type Device, openDevice, Random, scope, type StateDict, Tensor } from "../../../tensor/mod.ts";
import { devices } from "../../tensor/devices.ts";

const split: Split = {
  labelled: ["s_0", "s_1"],
  unlabelled: ["s_2", "s_3"],
  validation: ["s_4"],
  test: ["s_5"],
};

/** Six phantoms of 16³ voxels, in as many modalities as the method can take. */
function dataFor({ mostModalities = 2 }: Method) {
  const modalities = ["ct", "mr"].slice(0, mostModalities);
  const made = makePhantom({ cases: 6, modalities, misalignmentMm: 0, seed: 3, shape: [16, 16, 16] });
  const ids = new Map(made.cases.map(({ id }, i) => [`s_${i}`, id]));
  const named = Object.fromEntries(
    Object.entries(split).map(([part, list]) => [part, list.map((id: string) => ids.get(id)!)]),
  );
  return { dataset: made, split: named as unknown as Split };
}

const options: TrainOptions = {
  patch: [16, 16, 16],
  batch: 2,
  steps: 30,
  validations: 2,
  semiSupervisedFrom: 0.2,
  augmentation: "none",
  learningRate: 2e-3,
};

function fingerprint(state: StateDict): string {
  const hash = createHash("sha256");
  for (const [name, { data }] of state) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** Trains and returns the log and the states that were saved. */
async function outcome(method: Method, device: Device, resume?: TrainState) {
  const states: TrainState[] = [];
  const save = (state: TrainState) => Promise.resolve(void states.push(state));
  const setting = { device, ...dataFor(method), save, ...(resume && { resume }) };
  using run = await train({ ...options, method }, setting);
  return { log: run!.log, states };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const method of methods.values()) {
  Deno.test(`${method.name} learns, and a resumed run ends with the same bits`, async () => {
    using device = await openDevice("cpu");
    const whole = await outcome(method, device);
    const { peakBytes } = await costOf(
      resolveConfig(options, method),
      taskOf(dataFor(method).dataset),
      method,
    );
    const ratio = device.stats().peakBytes / peakBytes;
    assert.ok(ratio > 0.8 && ratio < 1.2, `its step took ${ratio} of the memory that was predicted`);
    const labelled = whole.log.map((row) => row.supervised ?? row.pasted ?? row.reconstruction!);
    const [first, last] = [mean(labelled.slice(0, 5)), mean(labelled.slice(-5))];
    assert.ok(
      last < 0.85 * first,
      `loss on labelled voxels: ${first} in the first steps, ${last} in the last`,
    );
    const half = whole.states.find(({ step }) => step === 15)!;
    const resumed = await outcome(method, device, half);
    assert.deepEqual(resumed.log, whole.log);
    const end = (states: readonly TrainState[]) => states.at(-1)!;
    assert.equal(end(resumed.states).step, 30);
    assert.equal(fingerprint(end(resumed.states).network), fingerprint(end(whole.states).network));
    assert.equal(device.stats().liveBuffers, 0);
  });
}

/** Which parameters a term moves, by the start of their names: those it must reach, and those it must leave alone. */
const reach: Readonly<
  Record<string, { readonly moves: readonly RegExp[]; readonly leaves: readonly RegExp[] }>
> = {
  supervised: { moves: [/encoder/, /decoder/], leaves: [/^teacher/] },
  pasted: { moves: [/encoders\.0/, /encoders\.1/, /decoders\.0/, /decoders\.1/], leaves: [/^teacher/] },
  csc: { moves: [/encoders\.[01]/], leaves: [/^teacher/, /decoder/, /fusion/, /mia/] },
  cac: { moves: [/encoders\.[01]/, /decoders\.0/, /decoders\.1/], leaves: [/^teacher/] },
  consistency: { moves: [/^student\.encoders/, /^student\.decoders/], leaves: [/^teacher/] },
  pseudo: { moves: [/^student\.encoders/, /^student\.decoders/], leaves: [/^teacher/] },
  cross: { moves: [/encoders/, /decoders/], leaves: [] },
  asc: { moves: [/^student\.encoders\.0/, /^student\.encoders\.1/], leaves: [/^teacher/] },
  reconstruction: { moves: [/encoders\.0/, /encoders\.1/, /decoders\.0/, /decoders\.1/], leaves: [] },
  prediction: { moves: [/encoders\.0/, /encoders\.1/, /decoders\.0/, /decoders\.1/], leaves: [] },
  mse: { moves: [/^student\.encoders\.0/, /^student\.encoders\.1/], leaves: [/^teacher/] },
};

/** A method's training at a step of the semi-supervised phase, with its patches. */
async function opened(method: Method, device: Device, settings: Readonly<Record<string, string>> = {}) {
  const data = dataFor(method);
  const preparation = await preparationFor(data);
  // Without augmentation all views would be the same, and what compares them would have no gradient.
  const augmented: TrainOptions = { ...options, augmentation: "default", method, settings };
  const training = openTraining(augmented, { device, ...data, preparation });
  const [batch] = await loadStep(training, 20, 1);
  return { training, batch: batch! };
}

function onDevice(device: Device, { labelled, unlabelled }: LoadedBatch): StepBatch {
  const images = (patches: readonly Float32Array[]) =>
    patches.map((x) => Tensor.from(device, x, [x.length / 16 ** 3, 1, 16, 16, 16]));
  return {
    labelled: {
      images: images(labelled.images),
      labels: labelled.labels.map((y) => Tensor.from(device, y, [y.length / 16 ** 3, 16, 16, 16], "i32")),
    },
    ...(unlabelled && {
      unlabelled: {
        images: images(unlabelled.images),
        ...(unlabelled.weakImages && { weakImages: images(unlabelled.weakImages) }),
        ...(unlabelled.secondImages && { secondImages: images(unlabelled.secondImages) }),
      },
    }),
  };
}

/**
 * Names of the parameters with a gradient that is not 0, for the sum of the terms that `chosen` takes; none when
 * nothing has a gradient.
 */
async function moved(
  { training: { network, method, config, device }, batch }: Awaited<ReturnType<typeof opened>>,
  chosen: (term: string) => boolean,
): Promise<string[] | undefined> {
  const context = { settings: config.settings, step: 20, progress: 0.7, factor: 1, random: new Random(5) };
  const found = scope(() => {
    const all = Object.entries(method.losses(network, onDevice(device, batch), context));
    const terms = all.filter(([name]) => chosen(name));
    if (terms.every(([, { value }]) => value.node === undefined)) return undefined;
    terms.map(([, { value, weight }]) => value.mul(weight)).reduce((sum, term) => sum.add(term)).backward();
    return [...network.namedTensors()].filter(([, { grad }]) => grad !== undefined);
  });
  const names: string[] = [];
  for (const [name, { grad }] of found ?? []) {
    if ((await grad!.data()).some((value) => value !== 0)) names.push(name);
  }
  network.zeroGrad();
  return found && names;
}

const withoutGradient = new Set(["cmc-released csc", "cmc-released similarity"]);

for (const method of methods.values()) {
  Deno.test(`each loss term of ${method.name} moves what it should, and nothing else`, async (t) => {
    using device = await openDevice("cpu");
    const open = await opened(method, device);
    using training = open.training;
    const names: string[] = [];
    await moved(open, (name) => (names.push(name), false));
    for (const term of names) {
      await t.step(term, async () => {
        const changed = await moved(open, (name) => name === term);
        if (withoutGradient.has(`${method.name} ${term}`)) return assert.equal(changed, undefined);
        const { moves, leaves } = reach[term]!;
        for (const pattern of moves) {
          assert.ok(changed!.some((name) => pattern.test(name)), `${pattern}: not moved`);
        }
        for (const pattern of leaves) assert.deepEqual(changed!.filter((name) => pattern.test(name)), []);
      });
    }
    await t.step("together they move every parameter", async () => {
      const changed = (await moved(open, () => true))!;
      // A bias before an instance norm changes nothing: its gradient is 0 but for rounding.
      const still = [...training.network.namedParameters()].map(([name]) => name)
        .filter((name) => !changed.includes(name) && !/conv\.bias$/.test(name));
      assert.deepEqual(still, []);
    });
  });
}

Deno.test("every combination of cmc-plus's parts moves every parameter of the student, and none of the teacher", async (t) => {
  using device = await openDevice("cpu");
  const method = methods.get("cmc-plus")!;
  const words = (name: string) => (method.settings[name] as { readonly choices: readonly string[] }).choices;
  for (const target of words("target")) {
    for (const views of words("views")) {
      for (const mixing of words("mixing")) {
        await t.step(`${target}, ${views}, ${mixing}`, async () => {
          const open = await opened(method, device, { target, views, mixing });
          using training = open.training;
          const changed = (await moved(open, () => true))!;
          const still = [...training.network.namedParameters()].map(([name]) => name)
            .filter((name) => !changed.includes(name) && !/conv\.bias$/.test(name));
          assert.deepEqual([still, changed.filter((name) => name.startsWith("teacher"))], [[], []]);
        });
      }
    }
  }
});

const webgpu = devices.find(({ name }) => name === "webgpu");

Deno.test({
  name: "methods take two steps on webgpu like those on the cpu",
  ignore: webgpu === undefined,
  async fn(t) {
    using cpu = await openDevice("cpu");
    using gpu = await webgpu!.open(); // one for all: the shaders that methods share are compiled once
    for (const method of methods.values()) {
      await t.step(method.name, async () => {
        const short = { ...options, steps: 2, validations: 1, semiSupervisedFrom: 0, method };
        const log = async (device: Device) => {
          using run = await train(short, { device, ...dataFor(method) });
          return run!.log;
        };
        const [expected, actual] = [await log(cpu), await log(gpu)];
        expected.forEach(({ loss }, i) => {
          const other = actual[i]!.loss!;
          assert.ok(
            Math.abs(other - loss!) < 5e-3 * loss!,
            `step ${i + 1}: ${loss} on cpu, ${other} on webgpu`,
          );
        });
      });
    }
  },
});
