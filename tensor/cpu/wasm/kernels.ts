/**
 * The kernel table of the fast CPU device.
 *
 * @module
 */

import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import type { CpuKernel, CpuKernels } from "../kernel.ts";
import { referenceKernels } from "../reference/kernels.ts";
import { attentionKernels } from "./attention.ts";
import { classLabelsKernels } from "./class_labels.ts";
import { conv3dKernels } from "./conv3d.ts";
import { dropoutKernels } from "./dropout.ts";
import { elementwiseKernel } from "./elementwise.ts";
import type { Engine } from "./engine.ts";
import { gatherKernels } from "./gather.ts";
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

/** A kernel for each row of the op table; rare rows keep their reference kernel. */
export function fastKernels(engine: Engine): CpuKernels {
  return {
    ...referenceKernels,
    ...attentionKernels(engine),
    ...classLabelsKernels(engine),
    ...conv3dKernels(engine),
    ...dropoutKernels(engine),
    ...gatherKernels(engine),
    ...layoutKernels(engine),
    ...diceCrossEntropyKernels(engine),
    ...matmulKernels(engine),
    ...normalizationKernels(engine),
    ...pool3dKernels(engine),
    ...reduceKernels(engine),
    ...resize3dKernels(engine),
    ...rowSimilarityKernels(engine),
    ...softmaxKernels(engine),
    ...sumOfSquaresKernels(engine),
    ...unitRowsKernels(engine),
    ...updateKernels(engine),
  };
}

/** The kernels of elementwise rows. */
export function fastElementwise(engine: Engine): (op: ElementwiseOp) => CpuKernel<Scalars> {
  return (op) => elementwiseKernel(engine, op);
}
