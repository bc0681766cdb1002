/**
 * How the fused features of all modalities and the features of one come together before the decoder.
 *
 * @module
 */

import { Conv3d, type Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { concat } from "../tensor/ops/layout.ts";
import { groupNorm } from "../tensor/ops/normalization.ts";
import { scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** `"add"`, as in the paper's figure; `"concat"`, as in the authors' code, see {@link joinByConcat}. */
export type Combination = "add" | "concat";

/** Scale and shift of a normalisation. */
export class NormWeights extends Module {
  /** Scale, `[C]` */
  readonly weight: Tensor;
  /** Shift, `[C]` */
  readonly bias: Tensor;

  /** Starts with scale 1 and shift 0. */
  constructor({ device }: Init, channels: number) {
    super();
    this.weight = Tensor.full(device, [channels], 1).asParameter();
    this.bias = Tensor.zeros(device, [channels]).asParameter();
  }
}

/** Groups of channels that are normalised together. */
const groups = 16;

/** `conv(relu(groupNorm(fused ‖ own)))`: normalisation over 16 groups, 1×1×1 convolution to the channels of one. */
export function joinByConcat(norm: NormWeights, conv: Conv3d, fused: Tensor, own: Tensor): Tensor {
  return scope(() =>
    conv.forward(groupNorm(concat([fused, own], 1), norm.weight, norm.bias, groups, { slope: 0 }))
  );
}

/** {@link joinByConcat} with its weights. */
export class ConcatJoin extends Module {
  /** Over both inputs. */
  readonly norm: NormWeights;
  /** To the channels of one. */
  readonly conv: Conv3d;

  /** For features of `channels` channels. */
  constructor(init: Init, channels: number) {
    super();
    this.norm = new NormWeights(init, 2 * channels);
    this.conv = new Conv3d(init, 2 * channels, channels, 1);
  }

  /** Keeps the shape `[N,C,…]` of both. */
  forward(fused: Tensor, own: Tensor): Tensor {
    return joinByConcat(this.norm, this.conv, fused, own);
  }
}
