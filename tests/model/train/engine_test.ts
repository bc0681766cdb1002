/** What the trainer does for every method. */

import assert from "node:assert/strict";
import { type Method, methodNamed, train, type TrainOptions, type TrainState } from "../../../model/mod.ts";
import { openTraining } from "../../../model/train/training.ts";
import { trainStep } from "../../../model/train/step.ts";
import { joinBatches } from "../../../model/train/batches.ts";
import { validationsSinceBest } from "../../../model/train/validate.ts";
import { decodeSafetensors, encodeSafetensors, openDevice, type StateDict } from "../../../tensor/mod.ts";
import { smallData, smallOptions, smallPreparation } from "./setting.ts";

const options: TrainOptions = { ...smallOptions, method: "supervised" };

/** Trains, and returns the run's log with every state that was saved. */
async function outcome(more: TrainOptions, resume?: TrainState, init?: StateDict) {
  using device = await openDevice("cpu");
  const states: TrainState[] = [];
  const save = (state: TrainState) => Promise.resolve(void states.push(state));
  const setting = {
    device,
    ...smallData(),
    save,
    ...(resume && { resume }),
    ...(init && { init: { file: decodeSafetensors(encodeSafetensors(init)), partial: false } }),
  };
  using run = await train({ ...options, ...more }, setting);
  const { log, test, lastTest } = run!;
  return { log, states, test, lastTest, judged: await run!.segment.network.stateDict() };
}

const same = (a: StateDict, b: StateDict) => assert.deepEqual([...a], [...b]);

Deno.test("two batches accumulated move the parameters like both at once", async () => {
  using device = await openDevice("cpu");
  const after = async (joined: boolean) => {
    const setting = { device, ...smallData(), preparation: smallPreparation };
    using training = openTraining({ ...options, optimizer: "sgd" }, setting);
    const batches = [await training.loader.labelledBatch(0), await training.loader.labelledBatch(1)];
    const parts = joined ? [joinBatches(batches)] : batches;
    await trainStep(training, parts.map((labelled) => ({ labelled })), {
      ...{ step: 0, learningRate: 1e-2, factor: 0 },
    });
    return await training.network.stateDict();
  };
  const [one, two] = [await after(true), await after(false)];
  let [largest, scale] = [0, 0];
  for (const [name, { data }] of one) {
    data.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value - two.get(name)!.data[i]!));
      scale = Math.max(scale, Math.abs(value));
    });
  }
  assert.ok(largest < 1e-6 * scale, `${largest} of ${scale}`);
});

for (
  const more of [
    { optimizer: "sgd", schedule: "poly", accumulate: 2 },
    { averageDecay: 0.9 },
    { method: "supervised-matched", semiSupervisedFrom: 0.5 },
  ] as const satisfies TrainOptions[]
) {
  Deno.test(`a resumed run ends with the same bits with ${JSON.stringify(more)}`, async () => {
    const whole = await outcome(more);
    const resumed = await outcome(more, whole.states.find(({ step }) => step === 3)!);
    assert.deepEqual(resumed.log, whole.log);
    same(resumed.states.at(-1)!.network, whole.states.at(-1)!.network);
    same(resumed.states.at(-1)!.average, whole.states.at(-1)!.average);
  });
}

Deno.test("the moving average predicts: it is judged, and kept as the best", async () => {
  const { states, judged } = await outcome({ averageDecay: 0.9, keep: "last" });
  const { network, average, best } = states.at(-1)!;
  same(judged, average);
  assert.ok([...network].some(([name, { data }]) => data.some((v, i) => v !== average.get(name)!.data[i])));
  if (best!.step === 6) same(best!.network, average);
});

Deno.test("keep decides whether the best parameters or the last are judged", async () => {
  const last = await outcome({ keep: "last", learningRate: 0.05 });
  same(last.judged, last.states.at(-1)!.network);
  const best = await outcome({ keep: "best", learningRate: 0.05 });
  same(best.judged, best.states.at(-1)!.best!.network);
  const both = await outcome({ keep: "both", learningRate: 0.05 });
  same(both.judged, best.judged);
  assert.deepEqual([both.test, both.lastTest], [best.test, last.test]);
  assert.notDeepEqual(best.test, last.test);
  assert.equal(best.lastTest, undefined);
});

Deno.test("patience ends a training whose validation no longer gets better", async () => {
  assert.equal(
    validationsSinceBest([{ step: 1, val_dice: 0.5 }, { step: 2 }, { step: 3, val_dice: 0.4 }]),
    1,
  );
  const { log } = await outcome({
    steps: 30,
    validations: 30,
    patience: 2,
    learningRate: 1e-9,
    augmentation: "none",
  });
  assert.ok(log.length >= 3 && log.length < 30, `${log.length} steps`);
});

Deno.test("overfit trains on and validates with the same labelled cases, and tests none", async () => {
  const { log, test } = await outcome({ overfit: 1, steps: 40, validations: 2, learningRate: 1e-2 });
  assert.equal(test.length, 0);
  assert.ok(log.at(-1)!.val_dice! > log[19]!.val_dice!, JSON.stringify(log.at(-1)));
  assert.ok(log.at(-1)!.loss! < 0.6 * log[0]!.loss!);
});

Deno.test("a training may start from the parameters of another", async () => {
  const first = await outcome({});
  const from = first.states.at(-1)!.network;
  const next = await outcome(
    { steps: 1, validations: 1, learningRate: 1e-12, weightDecay: 0 },
    undefined,
    from,
  );
  for (const [name, { data }] of next.states.at(-1)!.network) {
    data.forEach((value, i) => assert.ok(Math.abs(value - from.get(name)!.data[i]!) < 1e-6, name));
  }
});

Deno.test("train() takes a method of one's own as an object", async () => {
  const supervised = methodNamed("supervised");
  const mine: Method = {
    ...supervised,
    name: "twice",
    losses: (network, batch, context) => {
      const { supervised: term } = supervised.losses(network, batch, context);
      return { twice: { value: term!.value, weight: 2 } };
    },
  };
  const [plain, doubled] = [
    await outcome({ steps: 1, validations: 1 }),
    await outcome({ method: mine, steps: 1, validations: 1 }),
  ];
  assert.ok(Math.abs(doubled.log[0]!.loss! - 2 * plain.log[0]!.loss!) < 1e-5);
  await assert.rejects(outcome({ method: { name: "half" } as Method }), { code: "method.shape" });
});
