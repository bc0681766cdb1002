/**
 * Pre-training on images alone: each encoder learns to complete images of its modality of which blocks are hidden,
 * and to say what the other modalities show at the same place. Another training starts from its checkpoint with
 * `--init RUN --init-partial`. Masking after He et al. (CVPR 2022), predicting other modalities after the idea of
 * cross-modal generation; the combination is ours.
 *
 * @module
 */

import { maskedReconstruction } from "../../../losses/mod.ts";
import type { Init } from "../../../tensor/layers.ts";
import { Module } from "../../../tensor/module.ts";
import { cast } from "../../../tensor/ops/layout.ts";
import { resize3d } from "../../../tensor/ops/resize3d.ts";
import type { Random } from "../../../tensor/random.ts";
import { scope } from "../../../tensor/scope.ts";
import type { Triple } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { type NetworkConfig, tuningOf, unetOf } from "../../network_config.ts";
import type { Task } from "../../segmenter.ts";
import { UnetDecoder, type UnetEncoder } from "../../unet.ts";
import { encoderOf, type VitEncoder } from "../../vit_encoder.ts";
import type { LossTerm, Method } from "../method.ts";
import { quantity } from "../settings.ts";
import { meanOf } from "./terms.ts";

/** Encoders and decoders under the names that CMC has for them; the decoders give an image of each modality. */
export class Painter extends Module {
  /** One a modality. */
  readonly encoders: readonly (UnetEncoder | VitEncoder)[];
  /** One a modality. */
  readonly decoders: readonly UnetDecoder[];
  readonly #storage: "f32" | "f16";

  /** The encoders start from the numbers that CMC's would. */
  constructor(init: Init, { modalities }: Task, config: NetworkConfig) {
    super();
    const unet = unetOf(config);
    const each = { length: modalities };
    this.encoders = Array.from(each, () => encoderOf(init, unet, tuningOf(config)));
    this.decoders = Array.from(each, () => new UnetDecoder(init, unet, modalities));
    this.#storage = config.storage;
  }

  /** From an image of each modality, `[N,1,D,H,W]`, images of all modalities, `[N,M,D,H,W]`. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return scope(() =>
      images.map((image, m) => {
        if (!image) return null;
        const { features, skips } = this.encoders[m]!.forward(cast(image, this.#storage));
        return cast(this.decoders[m]!.forward(cast(features, this.#storage), skips), "f32");
      })
    );
  }
}

const settings = {
  maskRatio: quantity(0.6, "share of the blocks of an image that are hidden", { max: 1 }),
  maskBlock: quantity(8, "edge of a hidden block, in voxels", { min: 1, isInteger: true }),
  crossWeight: quantity(1, "weight of predicting the other modalities; 0 for images that do not correspond"),
} as const;

/** 1 in hidden blocks, else 0, `[N,1,D,H,W]`; every sample and modality has its own. */
export function hiddenBlocks(image: Tensor, ratio: number, block: number, random: Random): Tensor {
  const [n, , ...size] = image.shape as [number, number, number, number, number];
  const cells = size.map((voxels) => Math.ceil(voxels / block)) as unknown as Triple;
  const count = n * cells[0] * cells[1] * cells[2];
  const coarse = Float32Array.from({ length: count }, () => random.uniform() < ratio ? 1 : 0);
  const whole = cells.map((count) => count * block) as unknown as Triple;
  const blocks = resize3d(Tensor.from(image.device, coarse, [n, 1, ...cells]), whole, { mode: "nearest" });
  return size.reduce((mask, voxels, axis) => mask.narrow(axis + 2, 0, voxels), blocks);
}

/** Masked reconstruction and cross-modal prediction. */
export const pretrain: Method<typeof settings, Painter> = {
  name: "pretrain",
  cite: "ours, after He et al., CVPR 2022",
  summary: "no segmentation: encoders learn from images alone, for --init; labels are not used",
  settings,
  isPretraining: true,
  comparesVoxels: ({ crossWeight }) => crossWeight > 0,
  build: (init, task, config) => new Painter(init, task, config),
  wants: () => ({ unlabelled: "strong" }),
  losses(network, { unlabelled }, { settings: { maskRatio, maskBlock, crossWeight }, random }) {
    const { images } = unlabelled!;
    const hidden = images.map((image, m) => hiddenBlocks(image, maskRatio, maskBlock, random.child(m)));
    const painted = network.segment(images.map((image, m) => image.mul(hidden[m]!.neg().add(1))));
    const channel = (m: number, of: number) => painted[m]!.narrow(1, of, 1);
    const own = images.map((image, m) => maskedReconstruction(channel(m, m), image, hidden[m]!));
    const terms: Record<string, LossTerm> = { reconstruction: { value: meanOf(own), weight: 1 } };
    if (crossWeight > 0 && images.length > 1) {
      const others = images.flatMap((_, m) =>
        images.flatMap((image, of) => of === m ? [] : [channel(m, of).sub(image).square().mean()])
      );
      terms.prediction = { value: meanOf(others), weight: crossWeight };
    }
    return terms;
  },
};
