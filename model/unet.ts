/**
 * The 3D U-Net, cut at its bottleneck into an encoder and a decoder so that modalities can meet there.
 *
 * @module
 */

import { CodedError, ShapeError } from "../tensor/errors.ts";
import { Conv3d, type Init, UpConv3d } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { concat } from "../tensor/ops/layout.ts";
import { maxPool3d } from "../tensor/ops/pool3d.ts";
import { scope } from "../tensor/scope.ts";
import { shapeText, type Triple } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ConvBlock, convBlocks } from "./blocks.ts";
import { bottleneckChannels, checkLevels, strideOf, type UnetShape } from "./unet_shape.ts";

/** What an encoder gives: bottleneck features, and the features of the finer levels, finest first. */
export interface Encoded {
  /** `[N,C,D/s₀,H/s₁,W/s₂]`, s the strides of all levels multiplied. */
  readonly features: Tensor;
  /** One for each level but the last, with the channels and voxels of that level. */
  readonly skips: Tensor[];
}

/** The contracting path: convolution blocks at each level, max-pooling between levels. */
export class UnetEncoder extends Module {
  /** Blocks of each level, finest first. */
  readonly levels: Level[];
  readonly #shape: UnetShape;

  /**
   * For images with `inputs` channels.
   *
   * @throws {CodedError} `model.levels` for kernels or strides a U-Net cannot have, `model.encoder` for the shape
   * around a Vision Transformer
   */
  constructor(init: Init, inputs: number, shape: UnetShape) {
    super();
    checkLevels(shape.levels);
    if (shape.vit) {
      throw new CodedError("model.encoder", "this method has no form with a Vision Transformer", {
        fix: "Choose a preset whose name begins with unet.",
      });
    }
    let below = inputs;
    this.levels = shape.encoder.map((channels, i) => {
      const level = new Level(init, [below, ...channels], shape.levels[i]!.kernel);
      below = channels.at(-1)!;
      return level;
    });
    this.#shape = shape;
  }

  /**
   * Encodes images `[N,I,D,H,W]`.
   *
   * @throws {ShapeError} `model.patch` when a size is no multiple of the stride along its axis
   */
  forward(x: Tensor): Encoded {
    const { levels } = this.#shape;
    requireMultiples(x.shape.slice(2), strideOf(this.#shape));
    const skips: Tensor[] = [];
    let features = this.levels[0]!.forward(x);
    for (let i = 1; i < levels.length; i++) {
      skips.push(features);
      const finer = features;
      features = scope(() => this.levels[i]!.forward(maxPool3d(finer, levels[i]!.stride)));
    }
    return { features, skips };
  }
}

function requireMultiples(sizes: readonly number[], stride: Triple): void {
  if (sizes.every((n, axis) => n % stride[axis]! === 0)) return;
  const next = sizes.map((n, axis) => Math.ceil(n / stride[axis]!) * stride[axis]!);
  throw new ShapeError(
    "model.patch",
    `a patch of ${shapeText(sizes)} voxels does not divide by ${shapeText(stride)}`,
    { fix: `Use ${shapeText(next)}.` },
  );
}

/** Convolution blocks at one resolution. */
export class Level extends Module {
  /** In order. */
  readonly blocks: ConvBlock[];

  /** Channel counts `[in, …, out]`. */
  constructor(init: Init, channels: readonly number[], kernel: Triple) {
    super();
    this.blocks = convBlocks(init, channels, kernel);
  }

  /** Keeps the spatial size. */
  forward(x: Tensor): Tensor {
    return scope(() => this.blocks.reduce((y, block) => block.forward(y), x));
  }
}

/** The expanding path: upsample, join the skip, convolve; at last a 1×1×1 convolution to the classes. */
export class UnetDecoder extends Module {
  /** Upsampling to each level, coarsest first. */
  readonly ups: UpConv3d[] = [];
  /** Blocks of each level, coarsest first. */
  readonly levels: Level[] = [];
  /** To `classes` logits. */
  readonly head: Conv3d;
  /** To `classes` logits from the levels between the coarsest and the finest, coarsest first; for deep supervision. */
  readonly auxiliary: Conv3d[] = [];

  /**
   * For `classes` classes, the background included.
   *
   * @param deep whether there are heads at the coarser levels too
   */
  constructor(init: Init, shape: UnetShape, classes: number, deep = false) {
    super();
    let below = bottleneckChannels(shape);
    for (let i = shape.encoder.length - 2; i >= 0; i--) {
      const skip = shape.encoder[i]!.at(-1)!;
      const up = shape.up === "below" ? below : skip;
      const channels = [up + skip, ...new Array<number>(shape.decoderConvs).fill(skip)];
      this.ups.push(new UpConv3d(init, below, up, shape.levels[i + 1]!.stride));
      this.levels.push(new Level(init, channels, shape.levels[i]!.kernel));
      below = skip;
    }
    // Initialised like every other convolution. With nearly equal class probabilities at the start (weights of
    // deviation 0.05) a small class of one modality often never appears: its features die before it is learned.
    this.head = new Conv3d(init, below, classes, 1);
    if (!deep) return;
    const widths = shape.encoder.slice(1, -1).map((channels) => channels.at(-1)!).reverse();
    this.auxiliary = widths.map((channels) => new Conv3d(init, channels, classes, 1));
  }

  /** Bottleneck features and skips (finest first) to logits `[N,K,D,H,W]`. */
  forward(features: Tensor, skips: readonly Tensor[]): Tensor {
    return scope(() => this.head.forward(this.#expand(features, skips)));
  }

  /** As {@link UnetDecoder.forward}, then the logits of the coarser levels that have a head, finest first. */
  forwardDeep(features: Tensor, skips: readonly Tensor[]): Tensor[] {
    return scope(() => {
      const coarse: Tensor[] = [];
      const finest = this.#expand(features, skips, (x, i) => {
        if (i < this.auxiliary.length) coarse.unshift(this.auxiliary[i]!.forward(x));
      });
      return [this.head.forward(finest), ...coarse];
    });
  }

  /** What the finest level gives to the head; `seen` is shown what each level gives, coarsest first. */
  #expand(features: Tensor, skips: readonly Tensor[], seen?: (x: Tensor, level: number) => void): Tensor {
    let x = features;
    this.levels.forEach((level, i) => {
      const [below, skip] = [x, skips[skips.length - 1 - i]!];
      x = scope(() => level.forward(concat([this.ups[i]!.forward(below), skip], 1)));
      seen?.(x, i);
    });
    return x;
  }
}
