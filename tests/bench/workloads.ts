/** What is timed. Names and sizes are those of `torch_peer.py`; all have two samples. */

import { anatomicalConsistency, channelConsistency, diceCrossEntropy } from "../../losses/mod.ts";
import { Cmc } from "../../model/cmc.ts";
import { lightShape, UnetDecoder, UnetEncoder, type UnetShape } from "../../model/unet.ts";
import { apply } from "../../tensor/apply.ts";
import { backward } from "../../tensor/autograd.ts";
import type { Device } from "../../tensor/device.ts";
import type { Init } from "../../tensor/layers.ts";
import { Module } from "../../tensor/module.ts";
import { conv3dInputGradOp, conv3dOp, conv3dWeightGradOp } from "../../tensor/ops/conv3d.ts";
import { slice } from "../../tensor/ops/layout.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { clipFactor, globalGradientNorm } from "../../tensor/clip.ts";
import { AdamW } from "../../tensor/optim.ts";
import { Random } from "../../tensor/random.ts";
import { scope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Something to time. */
export interface Workload {
  readonly name: string;
  /** Floating-point operations of one run, where that is a plain count. */
  readonly operations?: number;
  /** Makes the data; the result runs once and waits until the device is done. */
  prepare(device: Device): () => Promise<void>;
}

const normal = (device: Device, shape: readonly number[]) =>
  Tensor.normal(device, new Random(1).child(shape.join()), shape, 1);

const matrixProduct: Workload = {
  name: "matmul 1024",
  operations: 2 * 1024 ** 3,
  prepare(device) {
    const [a, b] = [normal(device, [1024, 1024]), normal(device, [1024, 1024])];
    return async () => {
      scope(() => void matmul(a, b));
      await device.flush();
    };
  },
};

function convolution(channels: number, size: number, isBackward: boolean): Workload {
  const plain = { stride: [1, 1, 1], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 1 } as const;
  const operations = 2 * 2 * channels ** 2 * 27 * size ** 3;
  return {
    name: `conv3d ${channels}→${channels} ${size}³ forward${isBackward ? " + backward" : ""}`,
    operations: isBackward ? 3 * operations : operations,
    prepare(device) {
      const x = normal(device, [2, channels, size, size, size]);
      const w = normal(device, [channels, channels, 3, 3, 3]);
      return async () => {
        scope(() => {
          const y = apply(conv3dOp, [x, w], plain);
          if (!isBackward) return;
          apply(conv3dInputGradOp, [y, w], { ...plain, size: [size, size, size] });
          apply(conv3dWeightGradOp, [x, y], { ...plain, kernel: [3, 3, 3] });
        });
        await device.flush();
      };
    },
  };
}

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

/** One optimisation step of a network under a loss. */
function stepOf(network: Module, loss: () => Tensor): () => Promise<void> {
  const optimizer = new AdamW(network);
  const parameters = [...network.namedParameters()].map(([, parameter]) => parameter);
  return async () => {
    using value = scope(() => {
      const value = loss();
      backward(value);
      optimizer.step(1e-3, clipFactor(globalGradientNorm(parameters), 1));
      network.zeroGrad();
      return value;
    });
    await value.item();
  };
}

function randomLabels(device: Device, shape: readonly number[], classes: number): Tensor {
  const random = new Random(3);
  const length = shape.reduce((product, n) => product * n, 1);
  return Tensor.from(device, Int32Array.from({ length }, () => random.integer(classes)), shape, "i32");
}

/** A U-Net training step on a cube: Dice + cross-entropy, clipping, AdamW. */
export function unetStep(channels: readonly number[], size: number): Workload {
  return {
    name: `UNet3D ${channels.join("/")} ${size}³ training step`,
    prepare(device) {
      const shape: UnetShape = { encoder: channels.map((c) => [c, c]), decoderConvs: 2, up: "skip" };
      const network = new Unet({ device, random: new Random(1) }, shape, 2);
      const x = normal(device, [2, 1, size, size, size]);
      const y = randomLabels(device, [2, size, size, size], 2);
      return stepOf(network, () => diceCrossEntropy(network.forward(x), y));
    },
  };
}

/** Two modalities, 1.03 M parameters, two labelled and, for CMC, two unlabelled pairs. */
function cmcStep(isSemiSupervised: boolean): Workload {
  const patch = [24, 40, 32];
  return {
    name: `${isSemiSupervised ? "CMC" : "supervised"} training step ${patch.join("×")}`,
    prepare(device) {
      const shape = { modalities: 2, classes: 3, unet: lightShape(8), shared: false };
      const network = new Cmc({ device, random: new Random(1) }, shape);
      const images = [0, 1].map(() => normal(device, [isSemiSupervised ? 4 : 2, 1, ...patch]));
      const labels = randomLabels(device, [2, ...patch], 3);
      const half = (x: Tensor, from: number) =>
        slice(x, x.shape.map((_, i) => i === 0 ? from : 0), [2, ...x.shape.slice(1)]);
      return stepOf(network, () => {
        const { features, logits } = network.forward(images);
        const [a, b] = logits as [Tensor, Tensor];
        const [p, q] = isSemiSupervised ? [half(a, 0), half(b, 0)] : [a, b];
        const supervised = diceCrossEntropy(p, labels).add(diceCrossEntropy(q, labels)).mul(0.5);
        if (!isSemiSupervised) return supervised;
        const [f, g] = features.map((x) => half(x!, 2)) as [Tensor, Tensor];
        return supervised.add(channelConsistency(f, g).mul(0.1))
          .add(anatomicalConsistency(half(a, 2), half(b, 2)).mul(0.1));
      });
    },
  };
}

/** All, the quick ones first. */
export const workloads: readonly Workload[] = [
  matrixProduct,
  convolution(16, 64, false),
  convolution(16, 64, true),
  convolution(32, 32, false),
  convolution(32, 32, true),
  cmcStep(false),
  cmcStep(true),
  unetStep([16, 32, 64], 64),
];
