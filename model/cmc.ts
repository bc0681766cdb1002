/**
 * The CMC network: an encoder and a decoder a modality, or one for all; the modalities meet at the bottleneck.
 *
 * ```
 * x_m → encoder_m → features_m → MIA → aware_m
 * G = sigmoid(fusion(aware_1 ‖ … ‖ aware_M))
 * logits_m = decoder_m(G + aware_m, skips_m)      or of their concatenation
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
import { cast, concat, split } from "../tensor/ops/layout.ts";
import { scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Combination, ConcatJoin } from "./join.ts";
import { fillMissing, type MissingModality } from "./missing_modality.ts";
import { type ChannelScale, ModalityIndependentAwareness } from "./modality_independent_awareness.ts";
import { type Encoded, Level, UnetDecoder, type UnetEncoder } from "./unet.ts";
import { bottleneckChannels, type UnetShape } from "./unet_shape.ts";
import { plainTuning, type VitTuning } from "./vit.ts";
import { encoderOf, type VitEncoder } from "./vit_encoder.ts";

/** Whether modalities have a part of the network each, or all the same one. */
export type Sharing = "separate" | "shared";

/** What the network is made of. */
export interface CmcShape {
  /** Number of modalities, at least 1. */
  readonly modalities: number;
  /** Number of classes, the background included. */
  readonly classes: number;
  /** The U-Net of each modality, or what is around its Vision Transformer. */
  readonly unet: UnetShape;
  /** What is trained of Vision Transformers; everything by default. */
  readonly tuning?: VitTuning;
  /** An encoder a modality, or one for all; separate by default. */
  readonly encoders?: Sharing;
  /** A decoder a modality, or one for all; separate by default. */
  readonly decoders?: Sharing;
  /** How MIA compares channels; by their cosine by default. */
  readonly channelScale?: ChannelScale;
  /** How fused and own features come together; by addition, the default, or concatenation. */
  readonly combine?: Combination;
  /** What stands for a missing modality; the mean of the others by default. */
  readonly missing?: MissingModality;
  /** How encoders and decoders store activations: f32 by default. */
  readonly storage?: "f32" | "f16";
  /** Whether images share a space, the default; otherwise each is fused with stand-ins for the others. */
  readonly aligned?: boolean;
  /** Whether the coarser levels of the decoders have heads too; not by default. */
  readonly deep?: boolean;
}

/** What a forward pass gives, one entry a modality. */
export interface CmcOutput {
  /** Bottleneck features before MIA, `[N,C,D/s₀,H/s₁,W/s₂]`; CSC compares these. `null` for an absent image. */
  readonly features: (Tensor | null)[];
  /** `[N,K,D,H,W]`; `null` for an absent image. */
  readonly logits: (Tensor | null)[];
}

/** {@link CmcOutput} with the logits of several levels, finest first. */
export interface DeepOutput extends Pick<CmcOutput, "features"> {
  /** Of each modality and level, `[N,K,…]`; `null` for an absent image. */
  readonly logits: (Tensor[] | null)[];
}

/** How a forward pass differs from the usual one. */
export interface CmcForward {
  /** What the encoders give is passed through this before all that follows, as for channel dropout. */
  readonly change?: (code: Encoded) => Encoded;
}

/** Cross-modality collaboration network. */
export class Cmc extends Module {
  /** One a modality, or one for all. */
  readonly encoders: readonly (UnetEncoder | VitEncoder)[];
  /** One a modality, or one for all. */
  readonly decoders: readonly UnetDecoder[];
  /** Modality-independent awareness, shared by the modalities. */
  readonly mia: ModalityIndependentAwareness;
  /** Fusion of the aware features of all modalities. */
  readonly fusion: Level;
  /** Joins fused and own features, unless they are added. */
  readonly join: ConcatJoin | null;
  /** What stands for each modality where its image is missing, `[M,C,1,1,1]`, if that is learned. */
  readonly tokens: Tensor | null;
  /** What stands for a missing modality from now on; `"token"` needs a network that was made with tokens. */
  missing: MissingModality;
  /** What it was made of. */
  readonly #shape: CmcShape;

  /** Initialises from the stream; the order of draws is part of the seed's meaning. */
  constructor(init: Init, shape: CmcShape) {
    super();
    const { modalities, unet, tuning = plainTuning } = shape;
    const copies = (sharing: Sharing = "separate") => ({ length: sharing === "shared" ? 1 : modalities });
    const channels = bottleneckChannels(unet);
    this.encoders = Array.from(copies(shape.encoders), () => encoderOf(init, unet, tuning));
    this.decoders = Array.from(
      copies(shape.decoders),
      () => new UnetDecoder(init, unet, shape.classes, shape.deep),
    );
    this.mia = new ModalityIndependentAwareness(init, shape.channelScale ?? "cosine");
    const { kernel } = unet.levels.at(-1)!;
    this.fusion = new Level(init, [modalities * channels, channels, channels], kernel);
    this.join = shape.combine === "concat" ? new ConcatJoin(init, channels) : null;
    this.missing = shape.missing ?? "mean";
    this.tokens = this.missing === "token"
      ? Tensor.normal(init.device, init.random, [modalities, channels, 1, 1, 1], 0.1).asParameter()
      : null;
    this.#shape = shape;
  }

  /**
   * Segments every given image. The place of an absent modality in the fusion is filled as `missing` says; for an
   * image that shares no space with the others, these are absent.
   *
   * @param images one a modality, `[N,1,D,H,W]`, or null where a scan is missing
   * @throws {CodedError} `model.modalities` when their number is wrong or all are missing, `model.token` when one is
   * missing and the network has no tokens to stand for it though it should
   * @throws {DeviceError} `dtype.unsupported` for f16 storage on a device that has none
   */
  forward(images: readonly (Tensor | null)[], how: CmcForward = {}): CmcOutput {
    const { features, logits } = this.#run(images, how, false);
    return { features, logits: logits.map((levels) => levels && levels[0]!) };
  }

  /**
   * As {@link Cmc.forward}, but the logits of every level that has a head, finest first; those of coarser levels have
   * fewer voxels.
   */
  forwardDeep(images: readonly (Tensor | null)[], how: CmcForward = {}): DeepOutput {
    return this.#run(images, how, true);
  }

  #run(
    images: readonly (Tensor | null)[],
    { change = (code) => code }: CmcForward,
    isDeep: boolean,
  ): DeepOutput {
    const { modalities, storage = "f32", aligned = true } = this.#shape;
    const given = images.filter((image) => image !== null).length;
    if (images.length !== modalities || given === 0) {
      throw new CodedError(
        "model.modalities",
        `this network takes ${modalities} modalities, got ${images.length} of which ${given} are present`,
      );
    }
    if (this.missing === "token" && !this.tokens) {
      throw new CodedError("model.token", "this network has learned no tokens for missing modalities", {
        fix: "Choose another strategy, or train with this one and leave out modalities in training.",
      });
    }
    return scope(() => {
      const encoded = images.map((image, m): Encoded | null => {
        if (!image) return null;
        const { features, skips } = of(this.encoders, m).forward(cast(image, storage));
        return { features: cast(features, "f32"), skips };
      });
      const passed = encoded.map((code) => code && change(code));
      const aware = this.#makeAware(passed.map((code) => code && code.features));
      const together = aligned ? scope(() => this.#fuse(aware)) : undefined;
      const logits = passed.map((code, m) =>
        code && scope(() => {
          const fused = together ?? this.#fuse(aware.map((own, i) => i === m ? own : null));
          const joined = cast(this.#join(fused, aware[m]!), storage);
          const decoder = of(this.decoders, m);
          const levels = isDeep
            ? decoder.forwardDeep(joined, code.skips)
            : [decoder.forward(joined, code.skips)];
          return levels.map((z) => cast(z, "f32"));
        })
      );
      return { features: encoded.map((code) => code && code.features), logits };
    });
  }

  /** MIA of every modality, in one call as samples of one batch. */
  #makeAware(features: readonly (Tensor | null)[]): (Tensor | null)[] {
    const given = features.filter((own) => own !== null);
    if (given.length === 1) return features.map((own) => own && this.mia.forward(own));
    return scope(() => {
      const together = this.mia.forward(concat(given, 0));
      const parts = split(together, given.map(({ shape }) => shape[0]!), 0).values();
      return features.map((own) => own && parts.next().value!);
    });
  }

  /** What the given modalities share; zeros where there is to be no fusion. */
  #fuse(aware: readonly (Tensor | null)[]): Tensor {
    const filled = fillMissing(aware, this.missing, this.tokens);
    if (filled) return sigmoid(this.fusion.forward(concat(filled, 1)));
    const own = aware.find((features) => features !== null)!;
    return Tensor.zeros(own.device, own.shape);
  }

  #join(fused: Tensor, own: Tensor): Tensor {
    return this.join ? this.join.forward(fused, own) : fused.add(own);
  }
}

/** The part of a modality: its own, or the one of all. */
function of<T>(parts: readonly T[], m: number): T {
  return parts[parts.length === 1 ? 0 : m]!;
}
