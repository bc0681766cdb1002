/**
 * The normalisation kernels: groups of channels, and rows of channels without voxels, as in layer normalisation.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import type { Engine } from "./engine.ts";
import { groupNormGradients, groupNormKernel, type Groups, groupsOf } from "./group_norm.ts";
import { layerNormGradients, layerNormKernel } from "./layer_norm.ts";

/** Whether a sample is one group, and a channel one number. */
const isLayer = ({ groups, voxels }: Groups): boolean => groups === 1 && voxels === 1;

/** The normalisation kernels. */
export function normalizationKernels(engine: Engine): Pick<CpuKernels, "groupNorm" | "groupNormGrad"> {
  return {
    groupNorm([x, gamma, beta], [out, means, rstds], { groups, epsilon, slope }) {
      const arrays = { x: x!, gamma: gamma!, beta: beta!, out: out!, means: means!, rstds: rstds! };
      const shape = groupsOf(x!.shape, groups);
      const kernel = isLayer(shape)
        ? layerNormKernel(engine, shape.count, slope !== 1)
        : groupNormKernel(engine, shape);
      engine.run(kernel, x!.shape[0]! * groups, { ...arrays, epsilon, slope });
    },
    groupNormGrad([g, x, gamma, beta, means, rstds], [dx, dgamma, dbeta], { groups, slope }) {
      const inputs = { g: g!, x: x!, gamma: gamma!, beta: beta!, means: means!, rstds: rstds!, slope };
      const gradients = { dx: dx!, dgamma: dgamma!, dbeta: dbeta! };
      const shape = groupsOf(x!.shape, groups);
      if (isLayer(shape)) layerNormGradients(engine, inputs, gradients);
      else groupNormGradients(engine, shape, inputs, gradients);
    },
  };
}
