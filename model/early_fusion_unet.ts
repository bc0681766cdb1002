/**
 * One U-Net that sees all modalities as channels of one image.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import type { Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { cast, concat, split } from "../tensor/ops/layout.ts";
import { scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { SeparateShape } from "./separate_unets.ts";
import { UnetDecoder, UnetEncoder } from "./unet.ts";

/** One U-Net with an input channel and an output of its own for each modality. */
export class EarlyFusionUnet extends Module {
  /** Of all modalities. */
  readonly encoder: UnetEncoder;
  /** Of all modalities; its head has the classes of each in turn. */
  readonly decoder: UnetDecoder;
  readonly #shape: Omit<SeparateShape, "sharesConvolutions">;

  /**
   * Initialises from the stream.
   *
   * @throws {CodedError} `model.early` for a Vision Transformer, whose patches have one channel
   */
  constructor(init: Init, shape: Omit<SeparateShape, "sharesConvolutions">) {
    super();
    if (shape.unet.vit) {
      throw new CodedError("model.early", "a Vision Transformer here takes images of one channel", {
        fix: "Choose a unet preset, or another method than early fusion.",
      });
    }
    this.encoder = new UnetEncoder(init, shape.modalities, shape.unet);
    this.decoder = new UnetDecoder(init, shape.unet, shape.modalities * shape.classes);
    this.#shape = shape;
  }

  /**
   * Segments every given image; a missing one is a channel of zeros, about the mean of a normalised image.
   *
   * @param images one a modality, `[N,1,D,H,W]`, or null where a scan is missing
   * @throws {CodedError} `model.modalities` when all are missing
   */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    const { classes, storage } = this.#shape;
    const one = images.find((image) => image !== null);
    if (!one) throw new CodedError("model.modalities", "this network needs at least one image, got none");
    return scope(() => {
      const channels = images.map((image) => image ?? Tensor.zeros(one.device, one.shape));
      const { features, skips } = this.encoder.forward(cast(concat(channels, 1), storage));
      const logits = cast(this.decoder.forward(features, skips), "f32");
      const ofModalities = split(logits, images.map(() => classes), 1);
      return images.map((image, m) => image && ofModalities[m]!);
    });
  }
}
