/**
 * How well an image was completed from what is left of it.
 *
 * @module
 */

import { maximum } from "../tensor/ops/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireSameShape } from "./require_same_shape.ts";

/**
 * Mean squared difference over the hidden voxels: `Σ h (p − x)² / max(1, Σ h)`.
 *
 * @param prediction `[N,1,D,H,W]`
 * @param image the whole image, same shape
 * @param hidden 1 where the image was hidden from what predicted, else 0, same shape
 * @returns scalar
 * @throws {ShapeError} when the shapes differ
 */
export function maskedReconstruction(prediction: Tensor, image: Tensor, hidden: Tensor): Tensor {
  requireSameShape("maskedReconstruction", prediction, image);
  requireSameShape("maskedReconstruction", prediction, hidden);
  const error = prediction.sub(image).square().mul(hidden).sum();
  return error.div(maximum(hidden.sum(), 1));
}
