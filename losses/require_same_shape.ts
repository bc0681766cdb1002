/**
 * The check that losses between two modalities begin with.
 *
 * @module
 */

import { ShapeError } from "../tensor/errors.ts";
import { sameShape, shapeText } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Refuses tensors of different shapes.
 *
 * @throws {ShapeError} `shape.mismatch`
 */
export function requireSameShape(loss: string, a: Tensor, b: Tensor): void {
  if (sameShape(a.shape, b.shape)) return;
  throw new ShapeError(
    "shape.mismatch",
    `${loss}: the two modalities have shapes ${shapeText(a.shape)} and ${shapeText(b.shape)}`,
    { fix: "Give both modalities the same patch size and architecture." },
  );
}
