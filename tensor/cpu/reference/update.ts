/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";

/** The update kernels. */
export const updateKernels: Pick<CpuKernels, "sgd" | "adam" | "average" | "accumulate"> = {
  sgd([factor, ...gradients], targets, { learningRate, momentum, isNesterov, weightDecay }) {
    const [scale, count] = [factor!.data[0]!, gradients.length];
    for (const [k, gradient] of gradients.entries()) {
      const [p, v] = [targets[k]!.data, targets[count + k]!.data];
      for (let i = 0; i < p.length; i++) {
        const g = gradient.data[i]! * scale + weightDecay * p[i]!;
        const velocity = momentum * v[i]! + g;
        v[i] = velocity;
        p[i] = p[i]! - learningRate * (isNesterov ? g + momentum * velocity : velocity);
      }
    }
  },
  adam([factor, ...gradients], targets, attributes) {
    const { learningRate, beta1, beta2, epsilon, weightDecay, isDecoupled, step } = attributes;
    const [bias1, bias2] = [1 - beta1 ** step, 1 - beta2 ** step];
    const [scale, count] = [factor!.data[0]!, gradients.length];
    for (const [k, gradient] of gradients.entries()) {
      const [p, m, v] = [targets[k]!.data, targets[count + k]!.data, targets[2 * count + k]!.data];
      for (let i = 0; i < p.length; i++) {
        const decay = weightDecay * p[i]!;
        const g = gradient.data[i]! * scale + (isDecoupled ? 0 : decay);
        const mean = beta1 * m[i]! + (1 - beta1) * g;
        const variance = beta2 * v[i]! + (1 - beta2) * g * g;
        m[i] = mean;
        v[i] = variance;
        const decayed = p[i]! - (isDecoupled ? learningRate * decay : 0);
        p[i] = decayed - learningRate * (mean / bias1) / (Math.sqrt(variance / bias2) + epsilon);
      }
    }
  },
  average(inputs, targets, { decay }) {
    for (const [k, { data }] of targets.entries()) {
      const x = inputs[k]!.data;
      for (let i = 0; i < data.length; i++) data[i] = decay * data[i]! + (1 - decay) * x[i]!;
    }
  },
  accumulate(inputs, targets) {
    for (const [k, { data }] of targets.entries()) {
      const x = inputs[k]!.data;
      for (let i = 0; i < data.length; i++) data[i]! += x[i]!;
    }
  },
};
