/**
 * The CMC network: one U-Net a modality; the modalities meet at the bottleneck.
 *
 * ```
 * x_m → encoder_m → features_m → MIA → aware_m
 * G = sigmoid(fusion(aware_1 ‖ … ‖ aware_M))
 * logits_m = decoder_m(G + aware_m, skips_m)
 * ```
 *
 * After the overview figure of Zhou et al. (MICCAI 2024), for any number of modalities.
 *
 * With f16 storage the encoders and decoders, where nearly all memory is, store activations in f16. The
 * bottleneck, which is small and divides by norms, and everything that a loss reads stay f32.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import type { Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { sigmoid } from "../tensor/ops/elementwise.ts";
import { cast, concat } from "../tensor/ops/layout.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ModalityIndependentAwareness } from "./modality_independent_awareness.ts";
import { type Encoded, Level, UnetDecoder, UnetEncoder } from "./unet.ts";
import { bottleneckChannels, type UnetShape } from "./unet_shape.ts";

/** What the network is made of. */
export interface CmcShape {
  /** Number of modalities, at least 1. */
  readonly modalities: number;
  /** Number of classes, the background included. */
  readonly classes: number;
  /** The U-Net of each modality. */
  readonly unet: UnetShape;
  /** Whether all modalities use one encoder and one decoder. */
  readonly shared: boolean;
  /** How encoders and decoders store activations: f32 by default. */
  readonly storage?: "f32" | "f16";
}

/** What a forward pass gives, one entry a modality. */
export interface CmcOutput {
  /** Bottleneck features before MIA, `[N,C,D/s₀,H/s₁,W/s₂]`; CSC compares these. `null` for an absent image. */
  readonly features: (Tensor | null)[];
  /** `[N,K,D,H,W]`; `null` for an absent image. */
  readonly logits: (Tensor | null)[];
}

/** Cross-modality collaboration network. */
export class Cmc extends Module {
  /** One a modality, or one for all. */
  readonly encoders: UnetEncoder[];
  /** One a modality, or one for all. */
  readonly decoders: UnetDecoder[];
  /** Modality-independent awareness, shared by the modalities. */
  readonly mia: ModalityIndependentAwareness;
  /** Fusion of the aware features of all modalities. */
  readonly fusion: Level;
  /** What it was made of. */
  readonly #shape: CmcShape;

  /** Initialises from the stream; the order of draws is part of the seed's meaning. */
  constructor(init: Init, shape: CmcShape) {
    super();
    const copies = shape.shared ? 1 : shape.modalities;
    const channels = bottleneckChannels(shape.unet);
    this.encoders = Array.from({ length: copies }, () => new UnetEncoder(init, 1, shape.unet));
    this.decoders = Array.from({ length: copies }, () => new UnetDecoder(init, shape.unet, shape.classes));
    this.mia = new ModalityIndependentAwareness(init, "cosine");
    const { kernel } = shape.unet.levels.at(-1)!;
    this.fusion = new Level(init, [shape.modalities * channels, channels, channels], kernel);
    this.#shape = shape;
  }

  /**
   * Segments every given image. The fusion slot of an absent modality is filled with the mean features of
   * the given ones, so with one image of two its features fill both slots.
   *
   * @param images one a modality, `[N,1,D,H,W]`, or null where a scan is missing
   * @throws {CodedError} `model.modalities` when their number is wrong or all are missing
   * @throws {DeviceError} `dtype.unsupported` for f16 storage on a device that has none
   */
  forward(images: readonly (Tensor | null)[]): CmcOutput {
    const { modalities, shared, storage = "f32" } = this.#shape;
    const given = images.filter((image) => image !== null).length;
    if (images.length !== modalities || given === 0) {
      throw new CodedError(
        "model.modalities",
        `this network takes ${modalities} modalities, got ${images.length} of which ${given} are present`,
      );
    }
    return scope(() => {
      const at = (m: number) => shared ? 0 : m;
      const encoded = images.map((image, m): Encoded | null => {
        if (!image) return null;
        const { features, skips } = this.encoders[at(m)]!.forward(cast(image, storage));
        return { features: cast(features, "f32"), skips };
      });
      const aware = encoded.map((code) => code && this.mia.forward(code.features));
      const fused = scope(() => this.#fuse(aware));
      const logits = encoded.map((code, m) =>
        code && scope(() => {
          const joined = cast(fused.add(aware[m]!), storage);
          return cast(this.decoders[at(m)]!.forward(joined, code.skips), "f32");
        })
      );
      return { features: encoded.map((code) => code && code.features), logits };
    });
  }

  #fuse(aware: readonly (Tensor | null)[]): Tensor {
    const present = aware.filter((features) => features !== null);
    const substitute = present.length < aware.length
      ? present.reduce((sum, features) => sum.add(features)).div(present.length)
      : null;
    return sigmoid(this.fusion.forward(concat(aware.map((features) => features ?? substitute!), 1)));
  }
}
