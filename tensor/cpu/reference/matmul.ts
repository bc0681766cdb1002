/**
 * Batched matrix product.
 *
 * @module
 */

import type { Shape } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { broadcast, forRows } from "./strided.ts";

/** Steps of a matrix along its first and second axis, as the product sees it. */
function matrixSteps(shape: Shape, transpose: boolean): readonly [number, number] {
  const columns = shape.at(-1)!;
  return transpose ? [1, columns] : [columns, 1];
}

/** Offsets of the matrices of a batch: the leading axes broadcast. */
function batchView(shape: Shape, batch: Shape) {
  const matrix = shape.at(-1)! * shape.at(-2)!;
  const { start, strides } = broadcast(shape.slice(0, -2), batch);
  return { start, strides: strides.map((stride) => stride * matrix) };
}

/** The matrix product. */
export const matmulKernels: Pick<CpuKernels, "matmul"> = {
  matmul([a, b], [out], { transposeA, transposeB }) {
    const [m, n] = [out!.shape.at(-2)!, out!.shape.at(-1)!];
    const inner = a!.shape.at(transposeA ? -2 : -1)!;
    const [aRow, aInner] = matrixSteps(a!.shape, transposeA);
    const [bInner, bColumn] = matrixSteps(b!.shape, transposeB);
    const [A, B, C] = [a!.data, b!.data, out!.data];
    const sums = new Float64Array(n);
    const batch = out!.shape.slice(0, -2);
    const views = [a!, b!, out!].map(({ shape }) => batchView(shape, batch));
    forRows(batch, views, ([a0, b0, c0], length, [aStep, bStep, cStep]) => {
      for (let item = 0; item < length; item++) {
        for (let i = 0; i < m; i++) {
          sums.fill(0);
          for (let k = 0; k < inner; k++) {
            const value = A[a0! + item * aStep! + i * aRow + k * aInner]!;
            const row = b0! + item * bStep! + k * bInner;
            for (let j = 0; j < n; j++) sums[j]! += value * B[row + j * bColumn]!;
          }
          C.set(sums, c0! + item * cStep! + i * n);
        }
      }
    });
  },
};
