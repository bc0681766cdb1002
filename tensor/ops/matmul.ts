/**
 * Batched matrix product.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { broadcastShapes, shapeText, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./layout.ts";
import { labels, type Op, requireFloat, values } from "./op.ts";
import { sumTo } from "./reduce.ts";

/** Which operands are transposed in their last two axes. */
export interface MatmulAttributes {
  /** Use aᵀ. */
  readonly transposeA: boolean;
  /** Use bᵀ. */
  readonly transposeB: boolean;
}

/** `a · b` for `[…,M,K]` and `[…,K,N]`; the leading axes broadcast. */
export const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  family: "matmul",
  infer([a, b], { transposeA, transposeB }) {
    requireFloat("matmul", [a!, b!]);
    const [p, q] = [a!.shape, b!.shape];
    const [m, ka] = transposeA ? [p.at(-1), p.at(-2)] : [p.at(-2), p.at(-1)];
    const [kb, n] = transposeB ? [q.at(-1), q.at(-2)] : [q.at(-2), q.at(-1)];
    if (m === undefined || n === undefined || ka === undefined || ka !== kb) {
      throw new ShapeError(
        "shape.matmul",
        `matmul: ${shapeText(p)}${transposeA ? "ᵀ" : ""} times ${shapeText(q)}${
          transposeB ? "ᵀ" : ""
        }: inner sizes ${ka} and ${kb} differ`,
      );
    }
    return [{ shape: [...broadcastShapes("matmul", [p.slice(0, -2), q.slice(0, -2)]), m, n], dtype: "f32" }];
  },
  multiplyAdds: ([a], [out]) => {
    const rows = out!.at(-2)!;
    return rows === 0 ? 0 : sizeOf(out!) * a!.at(-1)! * a!.at(-2)! / rows; // inner: the other axis of a
  },
  saves: { inputs: [0, 1] },
  gradient: (g, [a, b], { attributes: { transposeA, transposeB }, wants }) => {
    const da = () =>
      transposeA
        ? matmul(b!, g, { transposeA: transposeB, transposeB: true })
        : matmul(g, b!, { transposeB: !transposeB });
    const db = () =>
      transposeB
        ? matmul(g, a!, { transposeA: true, transposeB: transposeA })
        : matmul(a!, g, { transposeA: !transposeA });
    return [wants[0] ? sumTo(da(), a!.shape) : null, wants[1] ? sumTo(db(), b!.shape) : null];
  },
  samples: [
    { inputs: [values([3, 5]), values([5, 4])], attributes: { transposeA: false, transposeB: false } },
    { inputs: [values([2, 5, 3]), values([2, 5, 4])], attributes: { transposeA: true, transposeB: false } },
    { inputs: [values([2, 3, 5]), values([4, 5])], attributes: { transposeA: false, transposeB: true } },
    { inputs: [values([5, 7]), values([2, 3, 5])], attributes: { transposeA: true, transposeB: true } },
    { inputs: [values([17, 33]), values([33, 19])], attributes: { transposeA: false, transposeB: false } },
  ],
  refusals: [
    {
      inputs: [values([3, 5]), values([4, 5])],
      attributes: { transposeA: false, transposeB: false },
      code: "shape.matmul",
    },
    {
      inputs: [values([3, 5]), labels([5, 4], 2)],
      attributes: { transposeA: false, transposeB: false },
      code: "dtype.mismatch",
    },
  ],
};

/** Matrix product of `[…,M,K]` and `[…,K,N]`, with either operand transposed in its last two axes. */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  return apply(matmulOp, [a, b], { transposeA: false, transposeB: false, ...options });
}

/**
 * `x Wᵀ + b` over the last axis, stored like x.
 *
 * @param x `[…,I]`
 * @param weight `[O,I]`
 * @param bias `[O]`, or null
 * @returns `[…,O]`
 * @throws {ShapeError} when the sizes differ
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const rows = matmul(x.reshape([-1, x.shape.at(-1)!]), cast(weight, x.dtype), { transposeB: true });
  const result = rows.reshape([...x.shape.slice(0, -1), weight.shape[0]!]);
  return bias ? result.add(cast(bias, x.dtype)) : result;
}
