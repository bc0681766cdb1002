/**
 * Small trainable additions to a frozen Transformer. Both start without effect: the trunk computes at first
 * exactly what its weights say.
 *
 * @module
 */

import { type Init, Linear } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { gelu } from "../tensor/ops/elementwise.ts";
import { matmul } from "../tensor/ops/matmul.ts";
import { scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * Bottleneck MLP with a residual, `x + up(gelu(down(x)))`, at the end of a block (Houlsby et al. 2019). The
 * paper's figure puts it there; its width and activation are ours.
 */
export class Adapter extends Module {
  /** To the bottleneck. */
  readonly down: Linear;
  /** Back; starts at 0. */
  readonly up: Linear;

  /** For tokens of `channels` channels and a bottleneck of `rank`. */
  constructor(init: Init, channels: number, rank: number) {
    super();
    this.down = new Linear(init, channels, rank);
    this.up = new Linear(init, rank, channels, 0);
  }

  /** Keeps the shape `[…,C]`. */
  forward(x: Tensor): Tensor {
    return scope(() => x.add(this.up.forward(gelu(this.down.forward(x)))));
  }
}

/**
 * A correction of low rank to a weight `[O,I]`: `W + B A` (LoRA, Hu et al. 2022, with α equal to the rank). The
 * sum is formed in each pass, which costs little beside what the weight is used for.
 */
export class LowRank extends Module {
  /** A, `[rank,I]` */
  readonly a: Tensor;
  /** B, `[O,rank]`; starts at 0. */
  readonly b: Tensor;

  /** For a weight `[outputs,inputs]`. */
  constructor({ device, random }: Init, inputs: number, outputs: number, rank: number) {
    super();
    this.a = Tensor.normal(device, random, [rank, inputs], Math.sqrt(1 / inputs)).asParameter();
    this.b = Tensor.zeros(device, [outputs, rank]).asParameter();
  }

  /** The corrected weight, `[O,I]`. */
  applyTo(weight: Tensor): Tensor {
    return scope(() => weight.add(matmul(this.b, this.a)));
  }
}
