/** Training steps and inference of networks. */

import { slidingWindow } from "../../eval/mod.ts";
import { diceCrossEntropy } from "../../losses/mod.ts";
import { type PresetName, presetNamed } from "../../model/presets.ts";
import { methodNamed, resolveConfig } from "../../model/train/resolve.ts";
import { patchPredictor } from "../../model/inference/patch_predictor.ts";
import { type HostBatch, trainStep } from "../../model/train/step.ts";
import { UnetDecoder, UnetEncoder } from "../../model/unet.ts";
import { isotropicLevels, type UnetLevel, type UnetShape } from "../../model/unet_shape.ts";
import { plainTuning, samMed3d, Vit, VitBlock, type VitShape } from "../../model/vit.ts";
import { noGrad } from "../../tensor/autograd.ts";
import { globalGradientNorm } from "../../tensor/clip.ts";
import { clipFactor } from "../../tensor/ops/elementwise.ts";
import type { Init } from "../../tensor/layers.ts";
import { Module } from "../../tensor/module.ts";
import { AdamW } from "../../tensor/optim.ts";
import { Random } from "../../tensor/random.ts";
import { scope } from "../../tensor/scope.ts";
import { sizeOf, type Triple, triple } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { labels, labelValues, normal, normalValues } from "./random_data.ts";
import type { Prepare } from "./workloads.ts";

class Unet extends Module {
  readonly encoder: UnetEncoder;
  readonly decoder: UnetDecoder;

  constructor(init: Init, shape: UnetShape, classes: number) {
    super();
    this.encoder = new UnetEncoder(init, 1, shape);
    this.decoder = new UnetDecoder(init, shape, classes);
  }

  forward(x: Tensor): Tensor {
    const { features, skips } = this.encoder.forward(x);
    return this.decoder.forward(features, skips);
  }
}

/** Levels for thick slices: two within them, the third across. */
export const thickSlices: readonly UnetLevel[] = [
  { kernel: [1, 3, 3], stride: [1, 1, 1] },
  { kernel: [1, 3, 3], stride: [1, 2, 2] },
  { kernel: [3, 3, 3], stride: [2, 2, 2] },
];

/** A step of a plain 3D U-Net: Dice + cross-entropy of two classes, clipping, AdamW. */
export function unetStep(
  channels: readonly number[],
  sizes: number | Triple,
  samples: number,
  levels: readonly UnetLevel[] = isotropicLevels(channels.length),
): Prepare {
  return (device) => {
    const size = triple(sizes);
    const shape: UnetShape = { encoder: channels.map((c) => [c, c]), levels, decoderConvs: 2, up: "skip" };
    const network = new Unet({ device, random: new Random(1) }, shape, 2);
    const optimizer = new AdamW(network);
    const parameters = [...network.namedParameters()].map(([, parameter]) => parameter);
    const x = normal(device, [samples, 1, ...size]);
    const y = labels(device, [samples, ...size], 2);
    return async () => {
      using loss = scope(() => {
        const loss = diceCrossEntropy(network.forward(x), y);
        loss.backward();
        optimizer.step(1e-3, clipFactor(globalGradientNorm(parameters), 1));
        network.zeroGrad();
        return loss;
      });
      await loss.item();
    };
  };
}

/** A Transformer block with relative positions, two samples of 8 × 8 × 8 tokens; gradients of all there is. */
export const vitBlock: Prepare = (device) => {
  const shape: VitShape = { ...samMed3d, positions: "axis" };
  const block = new VitBlock({ device, random: new Random(1) }, shape, null, plainTuning);
  const x = normal(device, [2, 8, 8, 8, shape.channels]).asParameter();
  return async () => {
    scope(() => block.forward(x).sum().backward());
    x.grad!.dispose();
    x.grad = undefined;
    block.zeroGrad();
    await device.flush();
  };
};

/** The encoder of `vit-base`: one image, no gradients. */
export const samEncoder: Prepare = (device) => {
  const shape: VitShape = { ...samMed3d, positions: "axis" };
  const vit = new Vit({ device, random: new Random(1) }, shape, plainTuning);
  const size = shape.patch * shape.grid, x = normal(device, [1, 1, size, size, size]);
  return async () => {
    using features = noGrad(() => vit.forward(x));
    await features.data();
  };
};

/** Two modalities, background and two classes. */
const task = { modalities: 2, classes: 3 };

function hostBatch(shape: Triple, samples: number): HostBatch {
  const voxels = samples * sizeOf(shape);
  return {
    shape,
    images: ["a", "b"].map((modality) => normalValues(modality, voxels)),
    labels: [labelValues(voxels, task.classes), labelValues(voxels, task.classes)],
  };
}

/**
 * The trainer's own step, copies of the patches to the device included: two labelled pairs and, in the
 * semi-supervised phase, two unlabelled ones.
 */
export function cmcStep(
  preset: PresetName,
  patch: Triple,
  isSemiSupervised: boolean,
  storage: "f32" | "f16" = "f32",
): Prepare {
  return (device) => {
    const config = resolveConfig({ method: "cmc", preset, patch: [...patch], storage });
    const method = methodNamed("cmc");
    const network = method.build({ device, random: new Random(1) }, task, config, config.settings);
    const optimizer = new AdamW(network, { weightDecay: config.weightDecay });
    const [labelled, unlabelled] = [hostBatch(patch, 2), isSemiSupervised ? hostBatch(patch, 2) : undefined];
    const setting = { device, network, method, optimizer, config };
    return async () => {
      const factor = isSemiSupervised ? 1 : 0;
      await trainStep(setting, [{ labelled, unlabelled }], { step: 0, learningRate: 1e-3, factor });
    };
  };
}

/** Both modalities of a cube, window by window with half overlap. */
export function slidingWindowInference(preset: PresetName, size: number): Prepare {
  return (device) => {
    const config = resolveConfig({ method: "cmc", preset });
    const network = methodNamed("cmc").build(
      { device, random: new Random(1) },
      task,
      config,
      config.settings,
    );
    const { patch } = presetNamed(preset);
    const predict = patchPredictor(device, network, patch, [true, true]);
    const images = ["a", "b"].map((modality) => normalValues(modality, size ** 3));
    const shape: Triple = [size, size, size];
    return async () => {
      await slidingWindow({ images, padding: [0, 0], shape, patch, classes: task.classes }, predict);
    };
  };
}
