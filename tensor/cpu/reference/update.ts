/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";

/** The update kernels. */
export const updateKernels: Pick<CpuKernels, "adamW" | "average" | "accumulate"> = {
  adamW([gradient, scale], [parameter, first, second], attributes) {
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attributes;
    const [p, m, v] = [parameter!.data, first!.data, second!.data];
    const [bias1, bias2] = [1 - beta1 ** step, 1 - beta2 ** step];
    for (let i = 0; i < p.length; i++) {
      const g = gradient!.data[i]! * scale!.data[0]!;
      const mean = beta1 * m[i]! + (1 - beta1) * g;
      const variance = beta2 * v[i]! + (1 - beta2) * g * g;
      m[i] = mean;
      v[i] = variance;
      const decayed = p[i]! - learningRate * weightDecay * p[i]!;
      p[i] = decayed - learningRate * (mean / bias1) / (Math.sqrt(variance / bias2) + epsilon);
    }
  },
  average([x], [target], { decay }) {
    const { data } = target!;
    for (let i = 0; i < data.length; i++) data[i] = decay * data[i]! + (1 - decay) * x!.data[i]!;
  },
  accumulate([x], [target]) {
    const { data } = target!;
    for (let i = 0; i < data.length; i++) data[i]! += x!.data[i]!;
  },
};
