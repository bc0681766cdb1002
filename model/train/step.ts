/**
 * One optimiser step: forward, backward, clip, update, and the numbers to log, with one copy to the host.
 *
 * @module
 */

import type { Device } from "../../tensor/device.ts";
import { concat } from "../../tensor/ops/layout.ts";
import type { Optimizer } from "../../tensor/optimizer.ts";
import { globalGradientNorm } from "../../tensor/clip.ts";
import { clipFactor, multiplyAdd } from "../../tensor/ops/elementwise.ts";
import { Random } from "../../tensor/random.ts";
import { scope } from "../../tensor/scope.ts";
import type { Shape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { TrainConfig } from "./resolve.ts";
import type { LossTerm, Method, StepBatch, StepContext } from "./method.ts";
import type { Segmenter } from "../segmenter.ts";

/** Patches of a step on the host: what the samplers of `data/` give. */
export interface HostBatch {
  /** Voxels of a patch. */
  readonly shape: Shape;
  /** One a modality, row-major `[N,1,D,H,W]`. */
  readonly images: readonly Float32Array[];
  /** One a modality, row-major `[N,D,H,W]`. */
  readonly labels?: readonly Uint8Array[];
  /** The weak view, where asked for. */
  readonly weakImages?: readonly Float32Array[];
  /** The second strong view, where asked for. */
  readonly secondImages?: readonly Float32Array[];
}

/** Patches of one forward and backward pass. */
export interface MicroBatch {
  /** With labels. */
  readonly labelled: HostBatch;
  /** Without, when the method wants them. */
  readonly unlabelled?: HostBatch | undefined;
  /** With pseudo-labels, when there are any. */
  readonly pseudoLabelled?: HostBatch;
}

/** What a step works on. */
export interface StepSetting {
  /** Where it runs. */
  readonly device: Device;
  /** The method's networks. */
  readonly network: Segmenter;
  /** Its losses. */
  readonly method: Method;
  /** State of the parameters. */
  readonly optimizer: Optimizer;
  /** Settings. */
  readonly config: TrainConfig;
}

/** Where in the training a step is. */
export interface StepPlace {
  /** The step, from 0. */
  readonly step: number;
  /** Its learning rate. */
  readonly learningRate: number;
  /** Ramp of the unlabelled losses. */
  readonly factor: number;
}

const size = (shape: Shape) => shape.reduce((n, m) => n * m, 1);

function upload(device: Device, shape: Shape, images: readonly Float32Array[]): Tensor[] {
  return images.map((image) => Tensor.from(device, image, [image.length / size(shape), 1, ...shape]));
}

function uploadLabelled(device: Device, { shape, images, labels }: HostBatch): StepBatch["labelled"] {
  return {
    images: upload(device, shape, images),
    labels: labels!.map((label) => Tensor.from(device, label, [label.length / size(shape), ...shape], "i32")),
  };
}

function uploadBatch(device: Device, { labelled, unlabelled }: MicroBatch): StepBatch {
  return {
    labelled: uploadLabelled(device, labelled),
    ...(unlabelled && {
      unlabelled: {
        images: upload(device, unlabelled.shape, unlabelled.images),
        ...(unlabelled.weakImages && {
          weakImages: upload(device, unlabelled.shape, unlabelled.weakImages),
        }),
        ...(unlabelled.secondImages && {
          secondImages: upload(device, unlabelled.shape, unlabelled.secondImages),
        }),
      },
    }),
  };
}

function sumOf(terms: Readonly<Record<string, LossTerm>>): Tensor {
  const [first, ...rest] = Object.values(terms) as [LossTerm, ...LossTerm[]];
  return rest.reduce(
    (sum, { value, weight }) => weight === 1 ? sum.add(value) : multiplyAdd(value, weight, sum),
    first.weight === 1 ? first.value : first.value.mul(first.weight),
  );
}

/** The method's terms, and, weighed lower, what it would learn from pseudo-labels as if they were labels. */
function termsOf(
  { device, network, method, config: { pseudoLabelWeight } }: StepSetting,
  batch: MicroBatch,
  context: StepContext,
): Record<string, LossTerm> {
  const terms = method.losses(network, uploadBatch(device, batch), context);
  if (!batch.pseudoLabelled || pseudoLabelWeight === 0) return terms;
  const labelled = uploadLabelled(device, batch.pseudoLabelled);
  const random = context.random.child("pseudo-labels");
  const value = sumOf(
    method.losses(network, { labelled }, { ...context, factor: 0, random, isPseudoLabelled: true }),
  );
  return { ...terms, pseudo_labels: { value, weight: pseudoLabelWeight } };
}

const asRow = (scalars: readonly Tensor[]) => concat(scalars.map((scalar) => scalar.reshape([1])), 0);

/** The numbers of a report by their names. */
async function numbersOf(report: Tensor, names: readonly string[]): Promise<Record<string, number>> {
  using own = report;
  const values = await own.data();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

/**
 * Queues one step over one or more micro-batches, whose gradients are averaged. What is queued after it sees its
 * parameters at once.
 *
 * @returns the loss, its terms without their weights, and the gradient's norm before clipping, once the device is there
 */
export function queueStep(
  setting: StepSetting,
  batches: readonly MicroBatch[],
  { step, learningRate, factor }: StepPlace,
): Promise<Record<string, number>> {
  const { network, method, optimizer, config } = setting;
  const share = 1 / batches.length;
  const random = new Random(config.seed).child("losses").child(step);
  const context = (micro: number) => ({
    settings: config.settings,
    ...{
      step,
      progress: step / config.steps,
      factor,
      random: batches.length === 1 ? random : random.child(micro),
    },
  });
  const names: string[] = [];
  const report = scope(() => {
    const reports = batches.map((batch, micro) =>
      scope(() => {
        const terms = termsOf(setting, batch, context(micro)), loss = sumOf(terms);
        (share === 1 ? loss : loss.mul(share)).backward();
        if (micro === 0) names.push("loss", ...Object.keys(terms), "gradient_norm");
        return asRow([loss, ...Object.values(terms).map(({ value }) => value)]).detach();
      })
    );
    const norm = globalGradientNorm([...network.namedParameters()].map(([, parameter]) => parameter));
    optimizer.step(learningRate, clipFactor(norm, config.clipNorm));
    network.zeroGrad();
    method.afterStep?.(network, context(0));
    const sum = reports.reduce((total, row) => total.add(row));
    return concat([share === 1 ? sum : sum.mul(share), norm.reshape([1])], 0);
  });
  return numbersOf(report, names);
}

/** {@link queueStep}, waited for. */
export async function trainStep(
  setting: StepSetting,
  batches: readonly MicroBatch[],
  place: StepPlace,
): Promise<Record<string, number>> {
  return await queueStep(setting, batches, place);
}
