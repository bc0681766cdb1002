/**
 * The network of the authors' released code (github.com/med-air/CMC, April 2025), layer by layer. It differs from
 * {@link Cmc} in that one encoder and one decoder serve all modalities, normalisation uses the statistics of the
 * whole batch, in training and after, MIA compares channels without a scale, and the fused features are joined by
 * concatenation. Fields are named as in the authors' checkpoints, so that their weights load by name.
 *
 * ```
 * x_m → image_encoder → features_m → MIA → aware_m
 * G = sigmoid(fusion(aware_1 ‖ … ‖ aware_M))
 * logits_m = decoder(conv(relu(groupNorm(G ‖ aware_m))), skips_m)
 * ```
 *
 * Running means and variances, which the authors' files hold too, are never read and are left out.
 *
 * @module
 */

import { CodedError, ShapeError } from "../tensor/errors.ts";
import { Conv3d, type Init, UpConv3d } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { conv3d } from "../tensor/ops/conv3d.ts";
import { sigmoid } from "../tensor/ops/elementwise.ts";
import { concat } from "../tensor/ops/layout.ts";
import { batchNorm } from "../tensor/ops/normalization.ts";
import { maxPool3d } from "../tensor/ops/pool3d.ts";
import { scope } from "../tensor/scope.ts";
import { shapeText } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CmcOutput } from "./cmc.ts";
import { joinByConcat, NormWeights } from "./join.ts";
import { fillMissing } from "./missing_modality.ts";
import { ModalityIndependentAwareness } from "./modality_independent_awareness.ts";
import type { Encoded } from "./unet.ts";

/** Sizes of the released network; the authors' have two modalities, 14 classes and width 32. */
export interface ReleasedShape {
  /** Number of modalities. */
  readonly modalities: number;
  /** Number of classes, the background included. */
  readonly classes: number;
  /** Channels of the first convolution; the bottleneck has 16 times as many. */
  readonly width: number;
}

/** Convolution 3×3×3, normalisation over the batch, ReLU. */
export class ReleasedConv extends Module {
  /** Padding 1, with bias. */
  readonly conv1: Conv3d;
  /** Of the batch's own statistics, always. */
  readonly bn1: NormWeights;

  /** He-initialised. */
  constructor(init: Init, inputs: number, outputs: number) {
    super();
    this.conv1 = new Conv3d(init, inputs, outputs, 3, { padding: 1 });
    this.bn1 = new NormWeights(init, outputs);
  }

  /** Of one input, or of several as if they were joined along the channels. */
  forward(x: Tensor | readonly Tensor[]): Tensor {
    const { weight, bias } = this.conv1;
    return scope(() =>
      batchNorm(conv3d(x, weight, bias, { padding: 1 }), this.bn1.weight, this.bn1.bias, { slope: 0 })
    );
  }
}

/** Two convolutions. */
export class ReleasedDown extends Module {
  /** In order. */
  readonly ops: readonly [ReleasedConv, ReleasedConv];

  /** Channel counts before, between and after. */
  constructor(init: Init, [inputs, between, outputs]: readonly [number, number, number]) {
    super();
    this.ops = [new ReleasedConv(init, inputs, between), new ReleasedConv(init, between, outputs)];
  }

  /** Keeps the spatial size. */
  forward(x: Tensor | readonly Tensor[]): Tensor {
    return scope(() => this.ops[1].forward(this.ops[0].forward(x)));
  }
}

/** Four levels; the numbers are those of the authors' base width. */
export class ReleasedEncoder extends Module {
  /** Full resolution. */
  readonly down_tr64: ReleasedDown;
  /** Half. */
  readonly down_tr128: ReleasedDown;
  /** A quarter. */
  readonly down_tr256: ReleasedDown;
  /** An eighth: the bottleneck. */
  readonly down_tr512: ReleasedDown;

  /** Of base width w. */
  constructor(init: Init, w: number) {
    super();
    this.down_tr64 = new ReleasedDown(init, [1, w, 2 * w]);
    this.down_tr128 = new ReleasedDown(init, [2 * w, 2 * w, 4 * w]);
    this.down_tr256 = new ReleasedDown(init, [4 * w, 4 * w, 8 * w]);
    this.down_tr512 = new ReleasedDown(init, [8 * w, 8 * w, 16 * w]);
  }

  /**
   * Encodes images `[N,1,D,H,W]`.
   *
   * @throws {ShapeError} `model.patch` when a size is no multiple of 8
   */
  forward(x: Tensor): Encoded {
    const sizes = x.shape.slice(2);
    if (sizes.some((n) => n % 8 !== 0)) {
      throw new ShapeError("model.patch", `a patch of ${shapeText(sizes)} voxels does not divide by 8`, {
        fix: `Use ${shapeText(sizes.map((n) => Math.ceil(n / 8) * 8))}.`,
      });
    }
    const deeper = (level: ReleasedDown, finer: Tensor) => scope(() => level.forward(maxPool3d(finer, 2)));
    const full = this.down_tr64.forward(x);
    const half = deeper(this.down_tr128, full);
    const quarter = deeper(this.down_tr256, half);
    return { features: deeper(this.down_tr512, quarter), skips: [full, half, quarter] };
  }
}

/** Upsampling, and two convolutions of its result and the skip. */
export class ReleasedUp extends Module {
  /** Doubles the resolution, keeps the channels. */
  readonly up_conv: UpConv3d;
  /** In order. */
  readonly ops: readonly [ReleasedConv, ReleasedConv];

  /** From `below` channels, with a skip of `skip` channels, to as many as the skip has. */
  constructor(init: Init, below: number, skip: number) {
    super();
    this.up_conv = new UpConv3d(init, below, below);
    this.ops = new ReleasedDown(init, [below + skip, skip, skip]).ops;
  }

  /** To the skip's resolution. */
  forward(x: Tensor, skip: Tensor): Tensor {
    return scope(() => this.ops[1].forward(this.ops[0].forward([this.up_conv.forward(x), skip])));
  }
}

/** A module inside another, for the sake of its name. */
export class Named<T extends Module> extends Module {
  /** The inner module. */
  readonly conv: T;

  /** Names it `conv`. */
  constructor(conv: T) {
    super();
    this.conv = conv;
  }
}

/** Back to full resolution and to logits. */
export class ReleasedDecoder extends Module {
  /** To a quarter. */
  readonly up_tr256: ReleasedUp;
  /** To half. */
  readonly up_tr128: ReleasedUp;
  /** To full resolution. */
  readonly up_tr64: ReleasedUp;
  /** 1×1×1 convolution to the classes. */
  readonly out_tr: Named<Named<Conv3d>>;

  /** Of base width w. */
  constructor(init: Init, w: number, classes: number) {
    super();
    this.up_tr256 = new ReleasedUp(init, 16 * w, 8 * w);
    this.up_tr128 = new ReleasedUp(init, 8 * w, 4 * w);
    this.up_tr64 = new ReleasedUp(init, 4 * w, 2 * w);
    this.out_tr = new Named(new Named(new Conv3d(init, 2 * w, classes, 1)));
  }

  /** Bottleneck features and skips (finest first) to logits `[N,K,D,H,W]`. */
  forward(features: Tensor, [full, half, quarter]: readonly Tensor[]): Tensor {
    return scope(() => {
      const coarse = this.up_tr256.forward(features, quarter!);
      const fine = scope(() => this.up_tr64.forward(this.up_tr128.forward(coarse, half!), full!));
      return this.out_tr.conv.conv.forward(fine);
    });
  }
}

/** Fusion of the aware features of all modalities. */
export class ReleasedFusion extends Module {
  /** Of all, to the channels of one. */
  readonly layer1: ReleasedConv;
  /** Keeps the channels. */
  readonly layer2: ReleasedConv;

  /** For features of `channels` channels a modality. */
  constructor(init: Init, modalities: number, channels: number) {
    super();
    this.layer1 = new ReleasedConv(init, modalities * channels, channels);
    this.layer2 = new ReleasedConv(init, channels, channels);
  }

  /** `[N,M·C,…]` to `[N,C,…]`, each in (0, 1). */
  forward(x: Tensor): Tensor {
    return scope(() => sigmoid(this.layer2.forward(this.layer1.forward(x))));
  }
}

/** The released CMC network. */
export class ReleasedCmc extends Module {
  /** Of every modality. */
  readonly image_encoder: ReleasedEncoder;
  /** Of every modality. */
  readonly decoder: ReleasedDecoder;
  /** Modality-independent awareness, without a scale. */
  readonly MIA_module: ModalityIndependentAwareness;
  /** To the features that all modalities share. */
  readonly fusion_layer: ReleasedFusion;
  /** Normalisation over 16 groups, ReLU, 1×1×1 convolution. */
  readonly conv3d_convert: readonly [NormWeights, null, Conv3d];
  readonly #modalities: number;

  /** Initialises from the stream. */
  constructor(init: Init, { modalities, classes, width }: ReleasedShape) {
    super();
    const channels = 16 * width;
    this.image_encoder = new ReleasedEncoder(init, width);
    this.decoder = new ReleasedDecoder(init, width, classes);
    this.MIA_module = new ModalityIndependentAwareness(init, "none");
    this.fusion_layer = new ReleasedFusion(init, modalities, channels);
    this.conv3d_convert = [
      new NormWeights(init, 2 * channels),
      null,
      new Conv3d(init, 2 * channels, channels, 1),
    ];
    this.#modalities = modalities;
  }

  /**
   * Segments every given image. For an absent one the features of the given ones stand in, which with one image of
   * two is what the authors do: the same image on both sides.
   *
   * @param images one a modality, `[N,1,D,H,W]`, or null where a scan is missing
   * @throws {CodedError} `model.modalities` when their number is wrong or all are missing
   */
  forward(images: readonly (Tensor | null)[]): CmcOutput {
    const given = images.filter((image) => image !== null).length;
    if (images.length !== this.#modalities || given === 0) {
      throw new CodedError(
        "model.modalities",
        `this network takes ${this.#modalities} modalities, got ${images.length} of which ${given} are present`,
      );
    }
    return scope(() => {
      const encoded = images.map((image) => image && this.image_encoder.forward(image));
      const aware = encoded.map((code) => code && this.MIA_module.forward(code.features));
      const fused = this.fusion_layer.forward(concat(fillMissing(aware, "mean", null)!, 1));
      const [norm, , conv] = this.conv3d_convert;
      const logits = encoded.map((code, m) =>
        code && scope(() => this.decoder.forward(joinByConcat(norm, conv, fused, aware[m]!), code.skips))
      );
      return { features: encoded.map((code) => code && code.features), logits };
    });
  }
}
