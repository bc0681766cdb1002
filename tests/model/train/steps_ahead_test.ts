/** A GPU is given steps before the numbers of earlier ones are looked at; all else is as if it were not. */

import assert from "node:assert/strict";
import type { BatchSource } from "../../../data/ahead_loader.ts";
import type { Method, TrainOptions, TrainSetting, TrainState } from "../../../model/mod.ts";
import { fit } from "../../../model/train/fit.ts";
import { methodNamed } from "../../../model/train/resolve.ts";
import { openTraining } from "../../../model/train/training.ts";
import type { Device } from "../../../tensor/mod.ts";
import { devices } from "../../tensor/devices.ts";
import { smallData, smallOptions, smallPreparation } from "./setting.ts";

const levels = [1, 2].map((s) => ({ kernel: [3, 3, 3], stride: [s, s, s] }) as const);
const options: TrainOptions = { ...smallOptions, patch: [8, 8, 8], levels, steps: 6, validations: 1 };

/** Trains and writes down when steps are queued, their numbers are seen, and states are saved. */
async function events(
  device: Device,
  size: Partial<TrainOptions>,
  extra: Partial<TrainSetting> = {},
  stopAfter = Infinity,
) {
  const seen: string[] = [], saved: TrainState[] = [], stop = new AbortController();
  const plain = methodNamed("supervised");
  const method: Method = {
    ...plain,
    afterStep(network, context) {
      plain.afterStep?.(network, context);
      seen.push(`queue ${context.step + 1}`);
      if (context.step + 1 === stopAfter) stop.abort();
    },
  };
  const setting = { device, ...smallData(), preparation: smallPreparation, ...extra };
  using training = openTraining({ ...options, ...size, method }, setting);
  const result = await fit(training, {
    ...setting,
    signal: stop.signal,
    stepped: (log) => Promise.resolve(void seen.push(`see ${log.length}`)),
    save: (state) => Promise.resolve(void (saved.push(state), seen.push(`save ${state.step}`))),
  });
  return { seen, saved, log: result?.log };
}

const inTurn = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => [`queue ${first + i}`, `see ${first + i}`]).flat();
/** Three steps ahead, and none after the last, where the parameters are looked at. */
const ahead = (first: number, last: number) => [
  ...[0, 1, 2].map((i) => `queue ${first + i}`),
  ...Array.from(
    { length: last - first - 3 },
    (_, i) => [`queue ${first + 3 + i}`, `see ${first + i}`],
  ).flat(),
  `queue ${last}`,
  ...[3, 2, 1, 0].map((i) => `see ${last - i}`),
];

for (const { name, open } of devices.filter(({ name }) => name !== "reference cpu")) {
  Deno.test(`steps are queued ahead on a GPU alone, and not beyond a validation (${name})`, async () => {
    using device = await open();
    const size = { steps: 10, validations: 2 };
    await events(device, { steps: 1 }); // kernels are compiled: a step that takes long has none queued behind it
    const { seen } = await events(device, size);
    const expected = name === "cpu"
      ? ["save 0", ...inTurn(1, 5), "save 5", ...inTurn(6, 10), "save 10"]
      : ["save 0", ...inTurn(1, 1), ...ahead(2, 5), "save 5", ...ahead(6, 10), "save 10"];
    assert.deepEqual(seen, expected);
  });

  Deno.test(`a stop waits for what is queued, and going on gives the same (${name})`, async () => {
    using device = await open();
    const whole = await events(device, {}), begun = await events(device, {}, {}, 5);
    assert.equal(begun.log, undefined);
    assert.deepEqual(begun.saved.map(({ step }) => step), [0, 5]);
    const rest = await events(device, {}, { resume: begun.saved.at(-1)! });
    assert.deepEqual(rest.log, whole.log);
    assert.deepEqual(rest.saved.at(-1)!.network, whole.saved.at(-1)!.network);
  });

  Deno.test(`NaN in a step is told with that step's number, and no state has it (${name})`, async () => {
    using device = await open();
    const { dataset, split } = smallData();
    const saved: number[] = [];
    let batches = 0;
    const setting = { device, dataset, split, preparation: smallPreparation };
    using training = openTraining({ ...options, method: "supervised" }, setting);
    const { loader } = training;
    const spoilt: BatchSource = {
      hasUnlabelled: loader.hasUnlabelled,
      unlabelledBatch: (step) => loader.unlabelledBatch(step),
      [Symbol.dispose]() {}, // the training ends its own
      async labelledBatch(step) {
        const batch = await loader.labelledBatch(step);
        return ++batches === 4 ? { ...batch, images: batch.images.map((x) => x.map(() => NaN)) } : batch;
      },
    };
    await assert.rejects(
      fit({ ...training, loader: spoilt }, {
        ...setting,
        save: ({ step }) => Promise.resolve(void saved.push(step)),
      }),
      { code: "train.nonfinite", message: /^step 4: / },
    );
    assert.deepEqual(saved, [0]);
  });
}
