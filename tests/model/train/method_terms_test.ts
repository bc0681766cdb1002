/** What the loss terms of every row of the table of methods move. */

import assert from "node:assert/strict";
import { type Method, methodNamed, methods, type StepBatch, type TrainOptions } from "../../../model/mod.ts";
import { openTraining } from "../../../model/train/training.ts";
import { type LoadedBatch, loadStep } from "../../../model/train/batches.ts";
import { preparationFor } from "../../../model/train/preparation_for.ts";
import { type Device, openDevice, Random, scope, Tensor } from "../../../tensor/mod.ts";
import { dataFor, options } from "./method_data.ts";

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

Deno.test("semi-cml judges its modalities by labels that a person drew, and by no pseudo-labels", async () => {
  using device = await openDevice("cpu");
  const method = methodNamed("semi-cml");
  const { training: { network, config }, batch } = await opened(method, device);
  const context = { settings: config.settings, step: 20, progress: 0.7, factor: 0, random: new Random(5) };
  const { labelled } = onDevice(device, batch);
  const judged = async () => [...(await network.stateDict()).get("dice")!.data];
  const before = await judged();
  scope(() => {
    method.losses(network, { labelled }, { ...context, isPseudoLabelled: true });
  });
  assert.deepEqual(await judged(), before);
  scope(() => {
    method.losses(network, { labelled }, context);
  });
  assert.notDeepEqual(await judged(), before);
});
