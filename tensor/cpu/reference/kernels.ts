/**
 * The reference kernels: plain JavaScript over arrays of any float type, sums in float64. They define what
 * the fast kernels must compute.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import { attentionKernels } from "./attention.ts";
import { conv3dKernels } from "./conv3d.ts";
import { dropoutKernels } from "./dropout.ts";
import { gatherKernels } from "./gather.ts";
import { classLabelsKernels } from "./class_labels.ts";
import { layoutKernels } from "./layout.ts";
import { diceCrossEntropyKernels } from "./dice_cross_entropy.ts";
import { matmulKernels } from "./matmul.ts";
import { normalizationKernels } from "./normalization.ts";
import { pool3dKernels } from "./pool3d.ts";
import { reduceKernels } from "./reduce.ts";
import { resize3dKernels } from "./resize3d.ts";
import { rowSimilarityKernels } from "./row_similarity.ts";
import { softmaxKernels } from "./softmax.ts";
import { sumOfSquaresKernels } from "./sum_of_squares.ts";
import { unitRowsKernels } from "./unit_rows.ts";
import { updateKernels } from "./update.ts";

/** One kernel for each row of the op table that is not elementwise. */
export const referenceKernels: CpuKernels = {
  ...reduceKernels,
  ...sumOfSquaresKernels,
  ...layoutKernels,
  ...gatherKernels,
  ...matmulKernels,
  ...conv3dKernels,
  ...pool3dKernels,
  ...resize3dKernels,
  ...normalizationKernels,
  ...unitRowsKernels,
  ...softmaxKernels,
  ...attentionKernels,
  ...classLabelsKernels,
  ...diceCrossEntropyKernels,
  ...rowSimilarityKernels,
  ...dropoutKernels,
  ...updateKernels,
};
