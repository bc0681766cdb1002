/**
 * One optimiser step: forward, backward, clip, update, and the numbers to log, with one copy to the host.
 *
 * @module
 */

import type { Device } from "../../tensor/device.ts";
import { concat } from "../../tensor/ops/layout.ts";
import type { Optimizer } from "../../tensor/optimizer.ts";
import { clipFactor, globalGradientNorm } from "../../tensor/clip.ts";
import { scope } from "../../tensor/scope.ts";
import type { Shape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";
import type { Method, StepBatch } from "./method.ts";
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
}

/** What a step works on. */
export interface StepSetting {
  /** Where it runs. */
  readonly device: Device;
  /** The method's networks. */
  readonly network: Segmenter;
  /** Its losses. */
  readonly method: Method;
  /** Moments of the parameters. */
  readonly optimizer: Optimizer;
  /** Settings. */
  readonly config: TrainConfig;
}

function upload(device: Device, { images, shape }: HostBatch): Tensor[] {
  return images.map((image) => Tensor.from(device, image, [image.length / size(shape), 1, ...shape]));
}

const size = (shape: Shape) => shape.reduce((n, m) => n * m, 1);

function uploadLabels(device: Device, { labels, shape }: HostBatch): Tensor[] {
  return labels!.map((label) => Tensor.from(device, label, [label.length / size(shape), ...shape], "i32"));
}

/**
 * Runs one step and returns the loss, its terms without their weights, and the gradient's norm before clipping.
 *
 * @param learningRate of this step
 * @param factor ramp of the unlabelled losses
 */
export async function trainStep(
  { device, network, method, optimizer, config }: StepSetting,
  labelled: HostBatch,
  unlabelled: HostBatch | undefined,
  learningRate: number,
  factor: number,
): Promise<Record<string, number>> {
  const names: string[] = [];
  const report = scope(() => {
    const batch: StepBatch = {
      labelled: { images: upload(device, labelled), labels: uploadLabels(device, labelled) },
      ...(unlabelled && {
        unlabelled: {
          images: upload(device, unlabelled),
          ...(unlabelled.weakImages && {
            weakImages: upload(device, { images: unlabelled.weakImages, shape: unlabelled.shape }),
          }),
        },
      }),
    };
    const terms = Object.entries(method.losses(network, batch, config, factor));
    const loss = terms.map(([, { value, weight }]) => value.mul(weight)).reduce((sum, term) => sum.add(term));
    loss.backward();
    const norm = globalGradientNorm([...network.namedParameters()].map(([, parameter]) => parameter));
    optimizer.step(learningRate, clipFactor(norm, config.clipNorm));
    network.zeroGrad();
    names.push("loss", ...terms.map(([name]) => name), "gradient_norm");
    return concat(
      [loss, ...terms.map(([, { value }]) => value), norm].map((scalar) => scalar.reshape([1])),
      0,
    );
  });
  const values = await report.data();
  report.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
