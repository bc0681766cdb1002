/**
 * The kernel table of the fast CPU device.
 *
 * @module
 */

import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import type { CpuKernel, CpuKernels } from "../kernel.ts";
import { compileElementwise } from "../reference/elementwise.ts";
import { referenceKernels } from "../reference/kernels.ts";
import { convolutionKernels } from "./convolution.ts";
import type { Engine } from "./engine.ts";

/** A kernel for each row of the op table; rare rows keep their reference kernel. */
export function fastKernels(engine: Engine): CpuKernels {
  return { ...referenceKernels, ...convolutionKernels(engine) };
}

/** The kernels of elementwise rows. */
export function fastElementwise(_engine: Engine): (op: ElementwiseOp) => CpuKernel<Scalars> {
  return compileElementwise;
}
