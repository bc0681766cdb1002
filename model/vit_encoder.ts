/**
 * A Vision Transformer as the encoder of a U-Net: the Transformer gives the bottleneck, a small convolutional stem on
 * the image gives the skips, which a Transformer of patches does not have.
 *
 * @module
 */

import type { Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { cast } from "../tensor/ops/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Encoded, UnetEncoder } from "./unet.ts";
import { isotropicLevels, type UnetShape } from "./unet_shape.ts";
import { Vit, type VitShape, type VitTuning } from "./vit.ts";

/**
 * The U-Net around a Vision Transformer: one convolution at each level of the stem, w channels at full resolution and
 * doubled from level to level, two at each level of the decoder.
 */
export function vitUnet(vit: VitShape, width: number, up: UnetShape["up"]): UnetShape {
  const finer = Math.log2(vit.patch);
  const stem = Array.from({ length: finer }, (_, i) => [width * 2 ** i]);
  return {
    encoder: [...stem, [vit.outputs]],
    levels: isotropicLevels(finer + 1),
    decoderConvs: 2,
    up,
    vit,
  };
}

/** Transformer and stem. */
export class VitEncoder extends Module {
  /** To the bottleneck. */
  readonly vit: Vit;
  /** To the skips. */
  readonly stem: UnetEncoder;

  /** For images of one channel, of the Transformer and the stem in a shape that {@link vitUnet} gives. */
  constructor(init: Init, shape: UnetShape & { readonly vit: VitShape }, tuning: VitTuning) {
    super();
    const { vit, ...unet } = shape;
    this.vit = new Vit(init, vit, tuning);
    this.stem = new UnetEncoder(init, 1, {
      ...unet,
      encoder: unet.encoder.slice(0, -1),
      levels: unet.levels.slice(0, -1),
    });
  }

  /**
   * Encodes images `[N,1,D,H,W]`. The Transformer computes in f32 however the images are stored.
   *
   * @throws {ShapeError} `model.patch` when a size is no multiple of the patch
   */
  forward(x: Tensor): Encoded {
    const features = this.vit.forward(cast(x, "f32"));
    const { features: coarsest, skips } = this.stem.forward(x);
    return { features, skips: [...skips, coarsest] };
  }
}

/** Whether the shape is that around a Vision Transformer. */
function hasVit(shape: UnetShape): shape is UnetShape & { readonly vit: VitShape } {
  return shape.vit !== undefined;
}

/** The encoder of a shape, for images of one channel; `tuning` matters to Vision Transformers. */
export function encoderOf(init: Init, shape: UnetShape, tuning: VitTuning): UnetEncoder | VitEncoder {
  return hasVit(shape) ? new VitEncoder(init, shape, tuning) : new UnetEncoder(init, 1, shape);
}
