/**
 * The 3D U-Net, cut at its bottleneck into an encoder and a decoder so that modalities can meet there.
 *
 * @module
 */

import { ShapeError } from "../tensor/errors.ts";
import { Conv3d, type Init, UpConv3d } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { concat } from "../tensor/ops/layout.ts";
import { maxPool3d } from "../tensor/ops/pool3d.ts";
import { scope } from "../tensor/scope.ts";
import { shapeText } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ConvBlock, convBlocks } from "./blocks.ts";

/** Channel counts of a U-Net. */
export interface UnetShape {
  /** For each level from the finest: channels after each convolution of the encoder. */
  readonly encoder: readonly (readonly number[])[];
  /** Convolutions at each level of the decoder. */
  readonly decoderConvs: number;
  /** Channels after upsampling to a level: as many as come from `"below"`, or as the level's `"skip"` has. */
  readonly up: "below" | "skip";
}

/**
 * The shape of the authors' released network (Universal Model U-Net) with base width w: levels
 * w·(1,2), w·(2,4), w·(4,8), w·(8,16), two convolutions at each decoder level.
 */
export function universalShape(width: number): UnetShape {
  return { encoder: [1, 2, 4, 8].map((n) => [n * width, 2 * n * width]), decoderConvs: 2, up: "below" };
}

/** A light shape: levels w, 2w, 4w, 8w with two convolutions each, one at each decoder level. */
export function lightShape(width: number): UnetShape {
  return { encoder: [1, 2, 4, 8].map((n) => [n * width, n * width]), decoderConvs: 1, up: "skip" };
}

/** Channels of the bottleneck. */
export function bottleneckChannels({ encoder }: UnetShape): number {
  return encoder.at(-1)!.at(-1)!;
}

/** Factor between the voxels of the input and of the bottleneck, along each axis. */
export function strideOf({ encoder }: UnetShape): number {
  return 2 ** (encoder.length - 1);
}

/** What an encoder gives: bottleneck features, and the features of the finer levels, finest first. */
export interface Encoded {
  /** `[N,C,D/s,H/s,W/s]`, s the stride. */
  readonly features: Tensor;
  /** One for each level but the last, `[N,Cᵢ,D/2ⁱ,H/2ⁱ,W/2ⁱ]`. */
  readonly skips: Tensor[];
}

/** The contracting path: convolution blocks at each level, max-pooling between levels. */
export class UnetEncoder extends Module {
  /** Blocks of each level, finest first. */
  readonly levels: Level[];
  readonly #stride: number;

  /** For images with `inputs` channels. */
  constructor(init: Init, inputs: number, shape: UnetShape) {
    super();
    let below = inputs;
    this.levels = shape.encoder.map((channels) => {
      const level = new Level(init, [below, ...channels]);
      below = channels.at(-1)!;
      return level;
    });
    this.#stride = strideOf(shape);
  }

  /**
   * Encodes images `[N,I,D,H,W]`.
   *
   * @throws {ShapeError} `model.patch` when a size is no multiple of the stride
   */
  forward(x: Tensor): Encoded {
    const stride = this.#stride;
    const sizes = x.shape.slice(2);
    if (sizes.some((n) => n % stride !== 0)) {
      throw new ShapeError(
        "model.patch",
        `a patch of ${shapeText(sizes)} voxels does not divide by ${stride}`,
        {
          fix: `Use ${shapeText(sizes.map((n) => Math.ceil(n / stride) * stride))}.`,
        },
      );
    }
    const skips: Tensor[] = [];
    let features = this.levels[0]!.forward(x);
    for (const level of this.levels.slice(1)) {
      skips.push(features);
      const finer = features;
      features = scope(() => level.forward(maxPool3d(finer, 2)));
    }
    return { features, skips };
  }
}

/** Convolution blocks at one resolution. */
export class Level extends Module {
  /** In order. */
  readonly blocks: ConvBlock[];

  /** Channel counts `[in, …, out]`. */
  constructor(init: Init, channels: readonly number[]) {
    super();
    this.blocks = convBlocks(init, channels);
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

  /** For `classes` classes, the background included. */
  constructor(init: Init, shape: UnetShape, classes: number) {
    super();
    let below = bottleneckChannels(shape);
    for (const channels of shape.encoder.slice(0, -1).reverse()) {
      const skip = channels.at(-1)!;
      const up = shape.up === "below" ? below : skip;
      this.ups.push(new UpConv3d(init, below, up));
      this.levels.push(new Level(init, [up + skip, ...new Array<number>(shape.decoderConvs).fill(skip)]));
      below = skip;
    }
    // Initialised like every other convolution. With nearly equal class probabilities at the start (weights of
    // deviation 0.05) a small class of one modality often never appears: its features die before it is learned.
    this.head = new Conv3d(init, below, classes, 1);
  }

  /** Bottleneck features and skips (finest first) to logits `[N,K,D,H,W]`. */
  forward(features: Tensor, skips: readonly Tensor[]): Tensor {
    return scope(() => {
      let x = features;
      this.levels.forEach((level, i) => {
        const [below, skip] = [x, skips[skips.length - 1 - i]!];
        x = scope(() => level.forward(concat([this.ups[i]!.forward(below), skip], 1)));
      });
      return this.head.forward(x);
    });
  }
}
