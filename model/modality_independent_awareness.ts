/**
 * MIA, the modality-independent awareness module of CMC.
 *
 * @module
 */

import type { Init } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { multiplyAdd } from "../tensor/ops/elementwise.ts";
import { matmul } from "../tensor/ops/matmul.ts";
import { softmax } from "../tensor/ops/softmax.ts";
import { unitRows } from "../tensor/ops/unit_rows.ts";
import { scope } from "../tensor/scope.ts";
import { sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * How similar two channels are: `"cosine"` of their voxels; `"1/V"`, their inner product over the number of voxels; or
 * `"none"`, the plain inner product, as in the authors' code, whose softmax saturates to one channel.
 */
export type ChannelScale = "cosine" | "1/V" | "none";

/**
 * The attention of {@link ModalityIndependentAwareness}: `A = softmax_row(rowmax(E) − E)`, E the similarity
 * of channels. Row c attends to the channels least similar to c.
 *
 * @param rows features with one row a channel, `[N,C,V]`
 * @returns `[N,C,C]`
 */
export function dissimilarChannels(rows: Tensor, scale: ChannelScale): Tensor {
  const unit = scale === "cosine" ? unitRows(rows) : rows;
  // A softmax does not see the row's maximum, so softmax(rowmax − E) = softmax(−E).
  const similarity = matmul(unit, unit, { transposeB: true });
  return softmax(similarity.mul(scale === "1/V" ? -1 / rows.shape[2]! : -1), 2);
}

/**
 * Channel self-attention towards dissimilar channels with one learned weight: `γ · A X + X` for features
 * `X [N,C,V]`. γ starts at 0, so the module starts as the identity.
 */
export class ModalityIndependentAwareness extends Module {
  /** γ, `[1]` */
  readonly gamma: Tensor;
  readonly #scale: ChannelScale;

  /** Starts as the identity. */
  constructor({ device }: Init, scale: ChannelScale) {
    super();
    this.gamma = Tensor.zeros(device, [1]).asParameter();
    this.#scale = scale;
  }

  /** Keeps the shape `[N,C,D,H,W]`. */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const [n, c, ...spatial] = x.shape as [number, number, ...number[]];
      const rows = x.reshape([n, c, sizeOf(spatial)]);
      const attended = matmul(dissimilarChannels(rows, this.#scale), rows);
      return multiplyAdd(attended, this.gamma, rows).reshape(x.shape);
    });
  }
}
