/**
 * NT-Xent, the contrastive loss of SimCLR (Chen et al. 2020), within little memory.
 *
 * @module
 */

import { checkpoint } from "../tensor/checkpoint.ts";
import { ShapeError } from "../tensor/errors.ts";
import { oneHot } from "../tensor/ops/class_labels.ts";
import { concat } from "../tensor/ops/layout.ts";
import { matmul } from "../tensor/ops/matmul.ts";
import { logSumExp } from "../tensor/ops/statistics.ts";
import { unitRows } from "../tensor/ops/unit_rows.ts";
import { scope } from "../tensor/scope.ts";
import { shapeText } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { requireSameShape } from "./require_same_shape.ts";

/** How to contrast. */
export interface NtXentOptions {
  /** τ, 0.5 by default. */
  readonly temperature?: number;
  /**
   * So many rows of similarities exist at a time, 512 by default. A block is computed again when the gradient
   * arrives, so memory grows with the rows, not with their square.
   */
  readonly rowsAtOnce?: number;
}

/** Far below any similarity, so that a row is never its own neighbour; finite, so that no NaN can arise. */
const never = -1e4;

/** `Σ log Σ_{j≠i} exp(⟨rᵢ, rⱼ⟩ / τ)` over `count` rows from `start`. */
function logNeighbours(rows: Tensor, start: number, count: number, temperature: number): Tensor {
  return scope(() => {
    const index = Int32Array.from({ length: count }, (_, i) => start + i);
    const itself = oneHot(Tensor.from(rows.device, index, [count], "i32"), rows.shape[0]!);
    const block = rows.narrow(0, start, count).mul(1 / temperature);
    const scores = matmul(block, rows, { transposeB: true }).add(itself.mul(never));
    return logSumExp(scores, { axes: [1] }).sum();
  });
}

/**
 * Row i of `a` and row i of `b` should be alike, and unlike all other rows of both:
 * `1/2R Σᵢ −log( exp(sᵢ⁺/τ) / Σ_{j≠i} exp(sᵢⱼ/τ) )`, s the cosine of two rows, over the 2R rows of both; the
 * partner of i counts among the j.
 *
 * @param a `[R,V]`
 * @param b `[R,V]`
 * @returns scalar; about `ln(2R − 1)` for unrelated rows
 * @throws {ShapeError} when the shapes differ or are no matrices
 */
export function ntXent(a: Tensor, b: Tensor, options: NtXentOptions = {}): Tensor {
  const { temperature = 0.5, rowsAtOnce = 512 } = options;
  requireSameShape("ntXent", a, b);
  if (a.shape.length !== 2) {
    throw new ShapeError("shape.rank", `ntXent: needs matrices [R,V], got ${shapeText(a.shape)}`);
  }
  return scope(() => {
    const [ra, rb] = [unitRows(a), unitRows(b)];
    const rows = concat([ra, rb], 0);
    const count = rows.shape[0]!;
    let sum = ra.mul(rb).sum().mul(-2 / temperature); // each pair stands in two rows
    for (let start = 0; start < count; start += rowsAtOnce) {
      const some = Math.min(rowsAtOnce, count - start);
      const block = checkpoint(([all]) => logNeighbours(all!, start, some, temperature), [rows]);
      sum = sum.add(block);
    }
    return sum.div(count);
  });
}
