/**
 * Dice + cross-entropy from logits in one pass over the voxels, forward and backward.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { sameShape, shapeText } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { labels, type Op, requireFloat, values } from "./op.ts";

/** Attributes of the fused loss. */
export interface DiceCrossEntropyAttributes {
  /** Added to the Dice denominator. */
  readonly epsilon: number;
}

/**
 * `mean −log p_y + mean_{n,k} (1 − 2 Σ p g / (Σ p² + Σ g + ε))`, p = softmax of the logits `[N,K,…]` over K,
 * g the one-hot labels `[N,…]` (i32). A voxel labelled `ignoredLabel` adds nothing to any sum. Outputs: the loss `[]`, and the sums `[N,K,3]` of p·g, p² and g.
 */
export const diceCrossEntropyOp: Op<DiceCrossEntropyAttributes> = {
  name: "diceCrossEntropy",
  family: "loss",
  stores: "as-inferred",
  infer([logits, y]) {
    requireFloat("diceCrossEntropy", [logits!]);
    const [n, k, ...spatial] = logits!.shape;
    if (k === undefined || !sameShape(y!.shape, [n!, ...spatial])) {
      throw new ShapeError(
        "shape.mismatch",
        `diceCrossEntropy: logits ${shapeText(logits!.shape)} need labels ${
          shapeText([n!, ...spatial])
        }, got ${shapeText(y!.shape)}`,
      );
    }
    if (y!.dtype !== "i32") {
      throw new ShapeError("dtype.mismatch", `diceCrossEntropy: labels must be i32, got ${y!.dtype}`);
    }
    return [{ shape: [], dtype: "f32" }, { shape: [n!, k, 3], dtype: "f32" }];
  },
  saves: { inputs: [0, 1], outputs: [1] },
  gradient: (g, [logits, y], { outputs: [, sums], attributes }) => [
    apply(diceCrossEntropyGradOp, [g, logits!, y!, sums!], attributes),
    null,
  ],
  samples: [
    { inputs: [values([2, 3, 2, 3, 4]), labels([2, 2, 3, 4], 3)], attributes: { epsilon: 1e-6 } },
    { inputs: [values([1, 2, 35]), labels([1, 35], 2)], attributes: { epsilon: 0.5 } },
  ],
  refusals: [
    { inputs: [values([2, 3, 4]), labels([2, 5], 3)], attributes: { epsilon: 1e-6 }, code: "shape.mismatch" },
    { inputs: [values([2, 3, 4]), values([2, 4])], attributes: { epsilon: 1e-6 }, code: "dtype.mismatch" },
  ],
};

/** Gradient for the logits from g `[]`, logits, labels and the sums. */
export const diceCrossEntropyGradOp: Op<DiceCrossEntropyAttributes> = {
  name: "diceCrossEntropyGrad",
  family: "loss",
  infer: ([, logits]) => [logits!],
  saves: {},
  gradient: "second derivatives are not supported",
  samples: [],
  refusals: [],
};

/**
 * Dice loss plus cross-entropy, equal weights.
 *
 * `mean_voxels(−log p_y) + mean_{n,k}(1 − 2 Σ p g / (Σ p² + Σ g² + ε))`, p = softmax over classes, g one-hot;
 * the background counts as a class. A class absent from the labels contributes exactly 1 and no gradient.
 *
 * @param logits `[N,K,…]`
 * @param y class ids, i32, `[N,…]`, each in 0 … K − 1, or 255 for voxels to leave out
 * @returns scalar
 * @throws {ShapeError} when the shapes do not fit
 */
export function diceCrossEntropy(logits: Tensor, y: Tensor, epsilon = 1e-6): Tensor {
  return apply(diceCrossEntropyOp, [logits, y], { epsilon });
}
