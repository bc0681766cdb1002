/**
 * The reference kernels: plain JavaScript over arrays of any float type, sums in float64. They define what
 * the fast kernels must compute.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import { attentionKernels } from "./attention.ts";
import { convolutionKernels } from "./convolution.ts";
import { dropoutKernels } from "./dropout.ts";
import { labelKernels } from "./labels.ts";
import { layoutKernels } from "./layout.ts";
import { lossKernels } from "./loss.ts";
import { matmulKernels } from "./matmul.ts";
import { normalizationKernels } from "./normalization.ts";
import { poolingKernels } from "./pooling.ts";
import { reductionKernels } from "./reduction.ts";
import { resamplingKernels } from "./resampling.ts";
import { softmaxKernels } from "./softmax.ts";
import { updateKernels } from "./update.ts";

/** One kernel for each row of the op table that is not elementwise. */
export const referenceKernels: CpuKernels = {
  ...reductionKernels,
  ...layoutKernels,
  ...matmulKernels,
  ...convolutionKernels,
  ...poolingKernels,
  ...resamplingKernels,
  ...normalizationKernels,
  ...softmaxKernels,
  ...attentionKernels,
  ...labelKernels,
  ...lossKernels,
  ...dropoutKernels,
  ...updateKernels,
};
