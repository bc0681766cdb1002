/**
 * Fused Dice + cross-entropy.
 *
 * @module
 */

import { ignoredLabel } from "../../ignored_label.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";

/** Visits the voxels of logits `[N,K,…]`: sample, label and softmax over the classes. */
function forVoxels(
  logits: CpuArray,
  labels: CpuArray,
  visit: (sample: number, voxel: number, label: number, p: Float64Array, logSum: number) => void,
): void {
  const [samples, classes] = logits.shape as [number, number], values = logits.data, ids = labels.data;
  const voxels = ids.length / samples;
  const p = new Float64Array(classes);
  for (let n = 0; n < samples; n++) {
    for (let v = 0; v < voxels; v++) {
      const first = n * classes * voxels + v;
      let top = -Infinity;
      for (let k = 0; k < classes; k++) top = Math.max(top, values[first + k * voxels]!);
      let sum = 0;
      for (let k = 0; k < classes; k++) sum += p[k] = Math.exp(values[first + k * voxels]! - top);
      for (let k = 0; k < classes; k++) p[k]! /= sum;
      visit(n, v, ids[n * voxels + v]!, p, top + Math.log(sum));
    }
  }
}

/** The fused loss and its gradient. A label that is no class makes the loss NaN, so it is found at once. */
export const diceCrossEntropyKernels: Pick<CpuKernels, "diceCrossEntropy" | "diceCrossEntropyGrad"> = {
  diceCrossEntropy([logits, labels], [loss, sums], { epsilon }) {
    const [samples, classes] = logits!.shape as [number, number];
    const voxels = labels!.data.length / samples, values = logits!.data;
    const totals = new Float64Array(samples * classes * 3);
    let entropy = 0;
    forVoxels(logits!, labels!, (n, v, label, p, logSum) => {
      if (label === ignoredLabel) return;
      const isClass = label >= 0 && label < classes;
      entropy += isClass ? logSum - values[(n * classes + label) * voxels + v]! : NaN;
      for (let k = 0; k < classes; k++) {
        const at = (n * classes + k) * 3;
        totals[at + 1]! += p[k]! ** 2;
        if (k !== label) continue;
        totals[at]! += p[k]!;
        totals[at + 2]! += 1;
      }
    });
    let dice = 0;
    for (let at = 0; at < totals.length; at += 3) {
      dice += 1 - 2 * totals[at]! / (totals[at + 1]! + totals[at + 2]! + epsilon);
    }
    loss!.data[0] = entropy / (samples * voxels) + dice / (samples * classes);
    sums!.data.set(totals);
  },
  diceCrossEntropyGrad([g, logits, labels, sums], [out], { epsilon }) {
    const [samples, classes] = logits!.shape as [number, number];
    const voxels = labels!.data.length / samples;
    const scale = g!.data[0]!, totals = sums!.data, results = out!.data;
    const slopes = new Float64Array(classes); // gradient of the Dice term for each probability
    forVoxels(logits!, labels!, (n, v, label, p) => {
      if (label === ignoredLabel) {
        for (let k = 0; k < classes; k++) results[(n * classes + k) * voxels + v] = 0;
        return;
      }
      let dot = 0;
      for (let k = 0; k < classes; k++) {
        const at = (n * classes + k) * 3;
        const overlap = totals[at]!;
        const size = totals[at + 1]! + totals[at + 2]! + epsilon;
        const isLabel = k === label ? 1 : 0;
        slopes[k] = (4 * overlap * p[k]! / size - 2 * isLabel) / size / (samples * classes);
        dot += p[k]! * slopes[k]!;
      }
      for (let k = 0; k < classes; k++) {
        const entropy = (p[k]! - (k === label ? 1 : 0)) / (samples * voxels);
        results[(n * classes + k) * voxels + v] = scale * (entropy + p[k]! * (slopes[k]! - dot));
      }
    });
  },
};
