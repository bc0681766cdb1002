/**
 * What a configuration costs, found by running its shapes through a device that only counts.
 *
 * @module
 */

import { CountingDevice } from "../../tensor/counting_device.ts";
import { noGrad } from "../../tensor/autograd.ts";
import { Random } from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Task } from "../segmenter.ts";
import type { Method } from "./method.ts";
import { methodNamed, type TrainConfig } from "./resolve.ts";
import { type HostBatch, trainStep } from "./step.ts";
import { optimizerFor } from "./training.ts";

/** Cost of a network and of its training. */
export interface Cost {
  /** Values in all tensors of the networks. */
  readonly parameters: number;
  /** Values that are trained. */
  readonly trainable: number;
  /** Multiply-adds of one forward pass of one patch of every modality. */
  readonly multiplyAdds: number;
  /** Bytes on the device between steps: parameters, moments of the optimiser, teachers and averages. */
  readonly stateBytes: number;
  /** Most bytes on the device that a training step needs besides: activations, gradients, patches. */
  readonly activationBytes: number;
  /** Most bytes of device memory in use during a training step, the sum of the two. */
  readonly peakBytes: number;
}

function blankBatch({ batch, patch }: TrainConfig, { modalities }: Task): Required<HostBatch> {
  const voxels = batch * sizeOf(patch);
  const images = Array.from({ length: modalities }, () => new Float32Array(voxels));
  const labels = Array.from({ length: modalities }, () => new Uint8Array(voxels));
  return { shape: patch, images, labels, weakImages: images, secondImages: images };
}

/**
 * Counts; computes nothing and needs no device.
 *
 * @param hasPseudoLabels whether a step also learns from a batch with pseudo-labels
 */
export async function costOf(
  config: TrainConfig,
  task: Task,
  method: Method = methodNamed(config.method),
  hasPseudoLabels = false,
): Promise<Cost> {
  using device = new CountingDevice();
  const build = () => method.build({ device, random: new Random(0) }, task, config, config.settings);
  using network = build();
  noGrad(() => {
    network.segment(
      Array.from({ length: task.modalities }, () => Tensor.zeros(device, [1, 1, ...config.patch])),
    );
  });
  const { multiplyAdds } = device;
  using _average = config.averageDecay > 0 ? build() : undefined;
  using optimizer = optimizerFor(network, config);
  const { weakImages, secondImages, ...plain } = blankBatch(config, task);
  const { unlabelled, labelledBatches = 1 } = method.wants(config.settings, 1);
  const batch = {
    labelled: labelledBatches === 1
      ? plain
      : blankBatch({ ...config, batch: labelledBatches * config.batch }, task),
    unlabelled: unlabelled && {
      ...plain,
      ...(unlabelled !== "strong" && { weakImages }),
      ...(unlabelled === "two-strong-and-weak" && { secondImages }),
    },
  };
  const pseudoLabelled = hasPseudoLabels ? { pseudoLabelled: plain } : {};
  const place = { step: 0, learningRate: 0, factor: 1 };
  // From the second micro-batch on, the gradients of the first are there too.
  const batches = Array.from(
    { length: Math.min(2, config.accumulate) },
    () => ({ ...batch, ...pseudoLabelled }),
  );
  await trainStep({ device, network, method, optimizer, config }, batches, place);
  const { liveBytes, peakBytes } = device.stats();
  const parameters = [...network.namedTensors()].reduce((n, [, { shape }]) => n + sizeOf(shape), 0);
  return {
    parameters,
    trainable: network.parameterCount,
    multiplyAdds,
    stateBytes: liveBytes,
    activationBytes: peakBytes - liveBytes,
    peakBytes,
  };
}
