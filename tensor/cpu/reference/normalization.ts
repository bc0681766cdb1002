/**
 * Group normalisation and its gradient.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";

/** The normalisation kernels. */
export const normalizationKernels: Pick<CpuKernels, "groupNorm" | "groupNormGrad"> = {
  groupNorm([x, gamma, beta], [out, means, rstds], { groups, epsilon, slope }) {
    const { data } = x!;
    const [samples, channels] = x!.shape as [number, number];
    const perGroup = data.length / (samples * groups);
    const voxels = data.length / (samples * channels);
    for (let row = 0; row < samples * groups; row++) {
      const start = row * perGroup;
      let sum = 0;
      for (let i = 0; i < perGroup; i++) sum += data[start + i]!;
      const mean = sum / perGroup;
      let squares = 0;
      for (let i = 0; i < perGroup; i++) squares += (data[start + i]! - mean) ** 2;
      const rstd = 1 / Math.sqrt(squares / perGroup + epsilon);
      means!.data[row] = mean;
      rstds!.data[row] = rstd;
      for (let i = 0; i < perGroup; i++) {
        const c = Math.floor((start + i) / voxels) % channels;
        const value = gamma!.data[c]! * (data[start + i]! - mean) * rstd + beta!.data[c]!;
        out!.data[start + i] = value > 0 ? value : value * slope;
      }
    }
  },
  groupNormGrad([g, x, gamma, beta, means, rstds], [dx, dgamma, dbeta], { groups, slope }) {
    const { data } = x!;
    const [samples, channels] = x!.shape as [number, number];
    const perGroup = data.length / (samples * groups);
    const voxels = data.length / (samples * channels);
    const [sumGamma, sumBeta] = [new Float64Array(channels), new Float64Array(channels)];
    const normalized = new Float64Array(perGroup); // x̂
    const scaled = new Float64Array(perGroup); // gradient of x̂
    for (let row = 0; row < samples * groups; row++) {
      const start = row * perGroup;
      const [mean, rstd] = [means!.data[row]!, rstds!.data[row]!];
      let [sum, product] = [0, 0];
      for (let i = 0; i < perGroup; i++) {
        const c = Math.floor((start + i) / voxels) % channels;
        const hat = (data[start + i]! - mean) * rstd;
        const isPositive = gamma!.data[c]! * hat + beta!.data[c]! > 0;
        const grad = isPositive ? g!.data[start + i]! : g!.data[start + i]! * slope;
        sumBeta[c]! += grad;
        sumGamma[c]! += grad * hat;
        normalized[i] = hat;
        scaled[i] = grad * gamma!.data[c]!;
        sum += scaled[i]!;
        product += scaled[i]! * hat;
      }
      for (let i = 0; i < perGroup; i++) {
        dx!.data[start + i] = rstd * (scaled[i]! - sum / perGroup - normalized[i]! * product / perGroup);
      }
    }
    dgamma!.data.set(sumGamma);
    dbeta!.data.set(sumBeta);
  },
};
