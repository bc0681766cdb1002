/**
 * The building block of every network here.
 *
 * @module
 */

import { Conv3d, type Init, InstanceNorm } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { scope } from "../tensor/scope.ts";
import type { Triple } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Slope of the leaky ReLU, as in nnU-Net. */
const slope = 0.01;

/** Convolution, instance normalisation, leaky ReLU. Batch-mates never influence each other. */
export class ConvBlock extends Module {
  /** Keeps the size, with bias. */
  readonly conv: Conv3d;
  /** Normalisation and activation. */
  readonly norm: InstanceNorm;

  /** He-initialised; the kernel's sizes are odd. */
  constructor(init: Init, inputs: number, outputs: number, kernel: Triple = [3, 3, 3]) {
    super();
    const [d, h, w] = kernel;
    this.conv = new Conv3d(init, inputs, outputs, kernel, { padding: [d >> 1, h >> 1, w >> 1] });
    this.norm = new InstanceNorm(init, outputs, slope);
  }

  /** `[N,I,D,H,W]` to `[N,O,D,H,W]`. */
  forward(x: Tensor): Tensor {
    return scope(() => this.norm.forward(this.conv.forward(x)));
  }
}

/** Blocks one after another with the given channel counts: `[in, …, out]`. */
export function convBlocks(init: Init, channels: readonly number[], kernel: Triple): ConvBlock[] {
  return channels.slice(1).map((outputs, i) => new ConvBlock(init, channels[i]!, outputs, kernel));
}
