/**
 * One U-Net a modality, which never meet: for late fusion and for methods that let networks teach each other.
 *
 * @module
 */

import type { Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { cast } from "../tensor/ops/layout.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CmcOutput } from "./cmc.ts";
import { CodedError } from "../tensor/errors.ts";
import { UnetDecoder, UnetEncoder } from "./unet.ts";
import type { UnetShape } from "./unet_shape.ts";
import { plainTuning, type VitTuning } from "./vit.ts";
import { encoderOf, type VitEncoder } from "./vit_encoder.ts";

/** What the networks are made of. */
export interface SeparateShape {
  /** Number of modalities. */
  readonly modalities: number;
  /** Number of classes, the background included. */
  readonly classes: number;
  /** The U-Net of each modality, or what is around its Vision Transformer. */
  readonly unet: UnetShape;
  /** What is trained of Vision Transformers; everything by default. */
  readonly tuning?: VitTuning;
  /** How activations are stored. */
  readonly storage: "f32" | "f16";
  /** Whether all modalities use the same convolutions, and only norms are a modality's own. */
  readonly sharesConvolutions?: boolean;
}

/** One U-Net a modality. */
export class SeparateUnets extends Module {
  /** One a modality. */
  readonly encoders: readonly (UnetEncoder | VitEncoder)[];
  /** One a modality. */
  readonly decoders: readonly UnetDecoder[];
  readonly #storage: "f32" | "f16";

  /**
   * Initialises from the stream.
   *
   * @throws {CodedError} `model.shared` for Vision Transformers that are to share convolutions
   */
  constructor(init: Init, shape: SeparateShape) {
    super();
    const { modalities, classes, unet, tuning = plainTuning, storage, sharesConvolutions } = shape;
    this.encoders = Array.from({ length: modalities }, () => encoderOf(init, unet, tuning));
    this.decoders = Array.from({ length: modalities }, () => new UnetDecoder(init, unet, classes));
    this.#storage = storage;
    if (!sharesConvolutions) return;
    const [first] = this.encoders;
    for (const [m, encoder] of this.encoders.entries()) {
      if (!(first instanceof UnetEncoder) || !(encoder instanceof UnetEncoder)) {
        throw new CodedError("model.shared", "only U-Nets can share convolutions", {
          fix: "Choose a unet preset.",
        });
      }
      if (m === 0) continue;
      shareConvolutions(encoder, first);
      shareConvolutions(this.decoders[m]!, this.decoders[0]!);
    }
  }

  /**
   * Segments every given image by its own U-Net.
   *
   * @param images one a modality, `[N,1,D,H,W]`, or null where a scan is missing
   */
  forward(images: readonly (Tensor | null)[]): CmcOutput {
    return scope(() => {
      const encoded = images.map((image, m) =>
        image && this.encoders[m]!.forward(cast(image, this.#storage))
      );
      const logits = encoded.map((code, m) =>
        code && cast(this.decoders[m]!.forward(code.features, code.skips), "f32")
      );
      return { features: encoded.map((code) => code && cast(code.features, "f32")), logits };
    });
  }
}

/** Puts the convolutions of one path of a U-Net into another, whose own are freed; norms stay its own. */
function shareConvolutions(own: UnetEncoder | UnetDecoder, of: UnetEncoder | UnetDecoder): void {
  own.levels.forEach((level, i) =>
    level.blocks.forEach((block, b) => {
      block.conv[Symbol.dispose]();
      Object.assign(block, { conv: of.levels[i]!.blocks[b]!.conv });
    })
  );
  if (!(own instanceof UnetDecoder) || !(of instanceof UnetDecoder)) return;
  own.ups.forEach((up, i) => {
    up[Symbol.dispose]();
    own.ups[i] = of.ups[i]!;
  });
  own.head[Symbol.dispose]();
  Object.assign(own, { head: of.head });
}
