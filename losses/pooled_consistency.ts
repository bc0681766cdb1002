/**
 * CSC for images that are not of one person.
 *
 * @module
 */

import { ShapeError } from "../tensor/errors.ts";
import { sub } from "../tensor/ops/elementwise.ts";
import { concat } from "../tensor/ops/layout.ts";
import { rowCosine } from "../tensor/ops/row_similarity.ts";
import { shapeText } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireSameShape } from "./require_same_shape.ts";

/** Means over `cells`³ boxes that share the volume evenly: `[N,C,D,H,W]` to `[N,C·cells³]`. */
function boxMeans(x: Tensor, cells: number): Tensor {
  const [n, c] = x.shape as [number, number];
  let parts = [x];
  for (const axis of [2, 3, 4]) {
    const size = x.shape[axis]!;
    parts = parts.flatMap((part) =>
      Array.from({ length: cells }, (_, i) => {
        const [from, to] = [Math.floor(i * size / cells), Math.ceil((i + 1) * size / cells)];
        return part.narrow(axis, from, to - from);
      })
    );
  }
  return concat(parts.map((part) => part.mean({ axes: [2, 3, 4] }).reshape([n, c])), 1);
}

/**
 * The channels of two modalities should respond alike on the whole, or box by box: `1 − cos` of the means of all
 * channels over `cells`³ boxes, mean over the batch. Unlike the voxel-wise forms it does not take the two for
 * images of one person, only for images of the same part of the body.
 *
 * @param a encoder features of modality a, `[N,C,D,H,W]`
 * @param b encoder features of modality b, same shape
 * @param cells boxes along each axis; 1 compares whole patches
 * @returns scalar in [0, 2]
 * @throws {ShapeError} when the shapes differ or an axis has fewer voxels than boxes
 */
export function pooledConsistency(a: Tensor, b: Tensor, cells: number): Tensor {
  requireSameShape("pooledConsistency", a, b);
  if (a.shape.length !== 5 || a.shape.slice(2).some((size) => size < cells)) {
    throw new ShapeError(
      "shape.size",
      `pooledConsistency: features ${shapeText(a.shape)} do not divide into ${cells}³ boxes`,
      { fix: "Compare whole patches, cells = 1, or train on larger ones." },
    );
  }
  const [u, v] = [boxMeans(a, cells), boxMeans(b, cells)];
  return sub(1, rowCosine(u, v)).mean();
}
