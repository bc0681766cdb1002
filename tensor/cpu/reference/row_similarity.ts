/**
 * Similarity of rows.
 *
 * @module
 */

import { similarityOf } from "../../ops/row_similarity.ts";
import type { CpuKernels } from "../kernel.ts";

/** Dice and cosine of rows, and their gradient. */
export const rowSimilarityKernels: Pick<CpuKernels, "rowSimilarity" | "rowSimilarityGrad"> = {
  rowSimilarity([x, y], [out, slopes], { measure, epsilon }) {
    const length = x!.shape.at(-1)!;
    for (let row = 0; row < out!.data.length; row++) {
      let [xy, xx, yy] = [0, 0, 0];
      for (let i = row * length; i < (row + 1) * length; i++) {
        const [a, b] = [x!.data[i]!, y!.data[i]!];
        xy += a * b;
        xx += a * a;
        yy += b * b;
      }
      const [s, ...slope] = similarityOf[measure]({ xy, xx, yy }, epsilon);
      out!.data[row] = s;
      slopes!.data.set(slope, 3 * row);
    }
  },
  rowSimilarityGrad([g, slopes, x, y], [dx, dy]) {
    const length = x!.shape.at(-1)!;
    for (let row = 0; row < g!.data.length; row++) {
      const [a, b, c] = [0, 1, 2].map((k) => g!.data[row]! * slopes!.data[3 * row + k]!) as [
        number,
        number,
        number,
      ];
      for (let i = row * length; i < (row + 1) * length; i++) {
        dx!.data[i] = a * y!.data[i]! + b * x!.data[i]!;
        dy!.data[i] = a * x!.data[i]! + c * y!.data[i]!;
      }
    }
  },
};
