/**
 * The pilot's training: 200 supervised steps that all methods of a seed start from, then the method with the learning
 * rate falling to 0; the last parameters are judged on whole volumes.
 *
 * @module
 */

import {
  type HostBatch,
  learningRateFactor,
  type LearningRateShape,
  methodNamed,
  type MicroBatch,
  type Phases,
  resolveConfig,
  type Segmenter,
  trainStep,
  unlabelledFactor,
} from "../../../model/mod.ts";
import {
  AdamW,
  argmax,
  type Device,
  type HostTensor,
  noGrad,
  Random,
  scope,
  type StateDict,
  Tensor,
} from "../../../tensor/mod.ts";
import { cutPatch, patchShape } from "./augment.ts";
import { cutVoxels, type PilotCase, type PilotData, volumeShape } from "./data.ts";
import type { PilotRow } from "./rows.ts";

const supervisedSteps = 200, batch = 2;
const learningRate = 3e-3, weightDecay = 1e-2;

/** What the methods of a seed start from. */
export interface Start {
  readonly network: StateDict;
  readonly optimizer: StateDict;
}

/** The batches of a seed, functions of the step. */
class Batches {
  readonly #random: Random;
  constructor(readonly data: PilotData, seed: number) {
    this.#random = new Random(seed).child("batches");
  }

  /** @param step from 0, the supervised ones included */
  labelled(step: number): HostBatch {
    const { labelled } = this.data, random = this.#random.child("labelled");
    const chosen = Array.from({ length: batch }, (_, slot) => {
      const at = step * batch + slot, { length } = labelled;
      return labelled[
        random.child("order").child(Math.floor(at / length)).permutation(length)[at % length]!
      ]!;
    });
    return this.#cut(chosen, random.child(step));
  }

  /** Any training cases, with replacement. */
  unlabelled(step: number): HostBatch {
    const random = this.#random.child("unlabelled").child(step);
    const chosen = Array.from({ length: batch }, () => this.data.unlabelled[random.integer(140)]!);
    return this.#cut(chosen, random);
  }

  #cut(cases: readonly PilotCase[], random: Random): HostBatch {
    const patches = cases.map((of, slot) => cutPatch(of, random.child(slot)));
    const images = (view: "images" | "weakImages") =>
      [0, 1].map((m) => joined(patches.map((p) => p[view][m]!)));
    const labels = joined(patches.map((p) => p.labels));
    return {
      shape: patchShape,
      images: images("images"),
      weakImages: images("weakImages"),
      labels: [labels, labels],
    };
  }
}

function joined<T extends Float32Array | Uint8Array>(parts: readonly T[]): T {
  const out = new (parts[0]!.constructor as new (length: number) => T)(parts.length * parts[0]!.length);
  parts.forEach((part, i) => out.set(part, i * part.length));
  return out;
}

/** Where the pilot's initial values differ: a small output convolution, upsampling by fan-out. */
async function startAsPilot(network: Segmenter, random: Random): Promise<void> {
  for (const [name, tensor] of network.namedTensors()) {
    if (name.endsWith("head.weight")) tensor.write((await tensor.data()).map(() => random.normal(0, 0.05)));
    if (/ups\.\d+\.weight$/.test(name)) tensor.write((await tensor.data()).map((w) => w / Math.sqrt(8)));
  }
}

/** A method with its network and optimiser. */
function open(
  device: Device,
  { method: name, settings }: Pick<PilotRow, "method" | "settings">,
  seed: number,
) {
  const method = methodNamed(name);
  const config = resolveConfig({ method, settings, preset: "unet-light", patch: [...patchShape], seed });
  const init = { device, random: new Random(seed).child("init") };
  const network = method.build(init, { modalities: 2, classes: 3 }, config, config.settings);
  return { device, method, config, network, optimizer: new AdamW(network, { weightDecay }) };
}

/** Runs steps and returns the loss terms of every 50th. */
async function runSteps(
  setting: ReturnType<typeof open>,
  load: (step: number, factor: number) => MicroBatch,
  phases: Phases,
  steps: number,
  shape: LearningRateShape,
): Promise<Record<string, number>[]> {
  const log: Record<string, number>[] = [];
  for (let step = 0; step < steps; step++) {
    const factor = unlabelledFactor(step, phases);
    const rate = learningRate * learningRateFactor(step, phases, shape);
    const report = await trainStep(setting, [load(step, factor)], { step, learningRate: rate, factor });
    if (step % 50 === 49) log.push({ step: step + 1, ...report });
  }
  return log;
}

/** The supervised steps of a seed. */
export async function start(device: Device, data: PilotData, seed: number): Promise<Start> {
  const setting = open(device, { method: "supervised", settings: {} }, seed);
  using network = setting.network;
  using optimizer = setting.optimizer;
  await startAsPilot(network, new Random(seed).child("pilot"));
  const batches = new Batches(data, seed);
  await runSteps(
    setting,
    (step) => ({ labelled: batches.labelled(step) }),
    { steps: 500, semiSupervisedFrom: supervisedSteps },
    supervisedSteps,
    { schedule: "cosine", warmUp: 0.05 },
  );
  return { network: await network.stateDict(), optimizer: await optimizer.stateDict() };
}

/** A state for a method whose networks are several of the same kind. */
function spread(state: StateDict, names: Iterable<string>): StateDict {
  const out = new Map<string, HostTensor>();
  for (const name of names) out.set(name, state.get(name.replace(/^(student|teacher)\./, ""))!);
  return out;
}

/** What a training reached. */
export interface Reached {
  /** Dice in 0 … 1 of each test case: `[modality][class]` with both images given. */
  readonly dice: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** The same where only the image of the modality itself is given. */
  readonly alone: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly log: readonly Record<string, number>[];
  readonly seconds: number;
}

/** Trains a row from the start of a seed and judges it. */
export async function trainRow(
  device: Device,
  data: PilotData,
  row: PilotRow,
  seed: number,
  from: Start,
): Promise<Reached> {
  const began = performance.now();
  const setting = open(device, row, seed);
  using network = setting.network;
  using optimizer = setting.optimizer;
  network.loadStateDict(spread(from.network, [...network.namedTensors()].map(([name]) => name)));
  optimizer.loadStateDict(spread(from.optimizer, (await optimizer.stateDict()).keys()), supervisedSteps);
  const batches = new Batches(data, seed), { method, config } = setting;
  const log = await runSteps(
    setting,
    (step, factor) => {
      const wantsMore = method.wants(config.settings, factor).unlabelled !== undefined;
      return {
        labelled: batches.labelled(supervisedSteps + step),
        ...(wantsMore && { unlabelled: batches.unlabelled(step) }),
      };
    },
    { steps: row.steps, semiSupervisedFrom: 0 },
    row.steps,
    { schedule: "cosine", warmUp: 0 },
  );
  const seconds = (performance.now() - began) / 1000;
  const dice: Record<string, number[][]> = {}, alone: Record<string, number[][]> = {};
  for (const of of data.test) {
    dice[of.id] = await segmentCase(network, device, of, [true, true]);
    const [[a], [, b]] = [
      await segmentCase(network, device, of, [true, false]),
      await segmentCase(network, device, of, [false, true]),
    ];
    alone[of.id] = [a!, b!];
  }
  return { dice, alone, log, seconds };
}

/** Dice of each modality and class; empty for an image that is not given. */
async function segmentCase(network: Segmenter, device: Device, of: PilotCase, given: readonly boolean[]) {
  const predictions = scope(() =>
    noGrad(() => {
      const images = of.images.map((image, m) =>
        given[m] ? Tensor.from(device, image, [1, 1, ...volumeShape]) : null
      );
      return network.segment(images).map((logits) => logits && argmax(logits, 1));
    })
  );
  const dice: number[][] = [];
  for (const prediction of predictions) {
    dice.push(prediction ? diceOf(await prediction.data(), of) : []);
    prediction?.dispose();
  }
  return dice;
}

function diceOf(prediction: ArrayLike<number>, { id, labels }: PilotCase): number[] {
  return [1, 2].map((k) => {
    let both = 0, sum = k === 1 ? cutVoxels[id] ?? 0 : 0;
    labels.forEach((label, at) => {
      if (prediction[at] === k) sum++;
      if (label === k) sum++;
      if (prediction[at] === k && label === k) both++;
    });
    return 2 * both / sum;
  });
}
