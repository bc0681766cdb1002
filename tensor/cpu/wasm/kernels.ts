/**
 * The kernel table of the fast CPU device.
 *
 * @module
 */

import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import type { CpuKernel, CpuKernels } from "../kernel.ts";
import { referenceKernels } from "../reference/kernels.ts";
import { attentionKernels } from "./attention.ts";
import { convolutionKernels } from "./convolution.ts";
import { dropoutKernels } from "./dropout.ts";
import { elementwiseKernel } from "./elementwise.ts";
import type { Engine } from "./engine.ts";
import { layoutKernels } from "./layout.ts";
import { lossKernels } from "./loss.ts";
import { matmulKernels } from "./matmul.ts";
import { normalizationKernels } from "./normalization.ts";
import { poolingKernels } from "./pooling.ts";
import { reductionKernels } from "./reduction.ts";
import { resamplingKernels } from "./resampling.ts";
import { softmaxKernels } from "./softmax.ts";
import { sumOfSquaresKernels } from "./sum_of_squares.ts";
import { updateKernels } from "./update.ts";

/** A kernel for each row of the op table; rare rows keep their reference kernel. */
export function fastKernels(engine: Engine): CpuKernels {
  return {
    ...referenceKernels,
    ...attentionKernels(engine),
    ...convolutionKernels(engine),
    ...dropoutKernels(engine),
    ...layoutKernels(engine),
    ...lossKernels(engine),
    ...matmulKernels(engine),
    ...normalizationKernels(engine),
    ...poolingKernels(engine),
    ...reductionKernels(engine),
    ...resamplingKernels(engine),
    ...softmaxKernels(engine),
    ...sumOfSquaresKernels(engine),
    ...updateKernels(engine),
  };
}

/** The kernels of elementwise rows. */
export function fastElementwise(engine: Engine): (op: ElementwiseOp) => CpuKernel<Scalars> {
  return (op) => elementwiseKernel(engine, op);
}
