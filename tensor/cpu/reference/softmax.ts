/**
 * Softmax, its logarithm and their gradients.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";

/** Visits the lines along an axis: the offset of the first element; elements are `step` apart. */
export function forLines(shape: Shape, axis: number, visit: (start: number, step: number) => void): void {
  const count = shape[axis]!;
  const step = sizeOf(shape.slice(axis + 1));
  const size = sizeOf(shape);
  if (size === 0) return;
  for (let block = 0; block < size; block += count * step) {
    for (let i = 0; i < step; i++) visit(block + i, step);
  }
}

/** The softmax kernels. */
export const softmaxKernels: Pick<
  CpuKernels,
  "softmax" | "softmaxGrad" | "logSoftmax" | "logSoftmaxGrad"
> = {
  softmax([x], [out], { axis }) {
    const [from, to, count] = [x!.data, out!.data, x!.shape[axis]!];
    const powers = new Float64Array(count);
    forLines(x!.shape, axis, (start, step) => {
      let top = -Infinity;
      for (let k = 0; k < count; k++) top = Math.max(top, from[start + k * step]!);
      let sum = 0;
      for (let k = 0; k < count; k++) sum += powers[k] = Math.exp(from[start + k * step]! - top);
      for (let k = 0; k < count; k++) to[start + k * step] = powers[k]! / sum;
    });
  },
  softmaxGrad([g, y], [out], { axis }) {
    const [grad, value, to, count] = [g!.data, y!.data, out!.data, g!.shape[axis]!];
    forLines(g!.shape, axis, (start, step) => {
      let dot = 0;
      for (let k = 0; k < count; k++) dot += grad[start + k * step]! * value[start + k * step]!;
      for (let k = 0; k < count; k++) {
        const i = start + k * step;
        to[i] = value[i]! * (grad[i]! - dot);
      }
    });
  },
  logSoftmax([x], [out], { axis }) {
    const [from, to, count] = [x!.data, out!.data, x!.shape[axis]!];
    forLines(x!.shape, axis, (start, step) => {
      let top = -Infinity;
      for (let k = 0; k < count; k++) top = Math.max(top, from[start + k * step]!);
      let sum = 0;
      for (let k = 0; k < count; k++) sum += Math.exp(from[start + k * step]! - top);
      const shift = top + Math.log(sum);
      for (let k = 0; k < count; k++) to[start + k * step] = from[start + k * step]! - shift;
    });
  },
  logSoftmaxGrad([g, y], [out], { axis }) {
    const [grad, value, to, count] = [g!.data, y!.data, out!.data, g!.shape[axis]!];
    forLines(g!.shape, axis, (start, step) => {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += grad[start + k * step]!;
      for (let k = 0; k < count; k++) {
        const i = start + k * step;
        to[i] = grad[i]! - Math.exp(value[i]!) * sum;
      }
    });
  },
};
