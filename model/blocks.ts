/**
 * The building block of every network here.
 *
 * @module
 */

import { Conv3d, type Init, InstanceNorm } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Slope of the leaky ReLU, as in nnU-Net. */
const slope = 0.01;

/** Convolution 3×3×3, instance normalisation, leaky ReLU. Batch-mates never influence each other. */
export class ConvBlock extends Module {
  /** 3×3×3, padding 1, with bias. */
  readonly conv: Conv3d;
  /** Normalisation and activation. */
  readonly norm: InstanceNorm;

  /** He-initialised. */
  constructor(init: Init, inputs: number, outputs: number) {
    super();
    this.conv = new Conv3d(init, inputs, outputs, 3, { padding: 1 });
    this.norm = new InstanceNorm(init, outputs, slope);
  }

  /** `[N,I,D,H,W]` to `[N,O,D,H,W]`. */
  forward(x: Tensor): Tensor {
    return scope(() => this.norm.forward(this.conv.forward(x)));
  }
}

/** Blocks one after another with the given channel counts: `[in, …, out]`. */
export function convBlocks(init: Init, channels: readonly number[]): ConvBlock[] {
  return channels.slice(1).map((outputs, i) => new ConvBlock(init, channels[i]!, outputs));
}
