/**
 * Reductions and the gradient of `max` and `min`.
 *
 * @module
 */

import type { ReduceAttributes } from "../../ops/reduce.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import type { CpuArray, CpuKernel, CpuKernels } from "../kernel.ts";
import { broadcast, dense, forRows, type View } from "./strided.ts";

/** The position within the reduced block, in row-major order of the reduced axes. */
function blockView(shape: Shape, axes: readonly number[]): View {
  const strides = stridesOf(shape.map((n, axis) => axes.includes(axis) ? n : 1));
  return { start: 0, strides: strides.map((stride, axis) => axes.includes(axis) ? stride : 0) };
}

function sums(x: CpuArray, out: CpuArray): Float64Array {
  const { data } = x;
  const total = new Float64Array(out.data.length);
  forRows(x.shape, [dense(x.shape), broadcast(out.shape, x.shape)], ([from, to], length, [, step]) => {
    if (step === 0) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += data[from! + i]!;
      total[to!]! += sum;
    } else {
      for (let i = 0; i < length; i++) total[to! + i * step!]! += data[from! + i]!;
    }
  });
  return total;
}

/** `sign` 1 finds the largest, −1 the smallest element. NaN wins over every number. */
function extremum(sign: 1 | -1): CpuKernel<ReduceAttributes> {
  return ([x], [out, position], { axes }) => {
    const { data, shape } = x!;
    const [best, at] = [out!.data, position!.data];
    at.fill(-1);
    const views = [dense(shape), broadcast(out!.shape, shape), blockView(shape, axes)];
    forRows(shape, views, ([from, to, block], length, [, stepTo, stepBlock]) => {
      for (let i = 0; i < length; i++) {
        const value = data[from! + i]!;
        const o = to! + i * stepTo!;
        const isBetter = at[o] === -1 || sign * value > sign * best[o]! ||
          (Number.isNaN(value) && !Number.isNaN(best[o]!));
        if (!isBetter) continue;
        best[o] = value;
        at[o] = block! + i * stepBlock!;
      }
    });
  };
}

/** The reduction kernels. */
export const reduceKernels: Pick<
  CpuKernels,
  "sum" | "mean" | "max" | "min" | "extremumGrad"
> = {
  sum: ([x], [out]) => out!.data.set(sums(x!, out!)),
  mean([x], [out]) {
    const count = sizeOf(x!.shape) / out!.data.length;
    out!.data.set(sums(x!, out!).map((sum) => sum / count));
  },
  max: extremum(1),
  min: extremum(-1),
  extremumGrad([g, position], [out], { axes, shape }) {
    const strides = stridesOf(shape);
    const positions = position!.data, gradients = g!.data, results = out!.data;
    results.fill(0);
    // The reduced axes of g have size 1, so the input's steps along them do not matter.
    forRows(g!.shape, [dense(g!.shape), { start: 0, strides }], ([from, to], length, [a, b]) => {
      for (let i = 0; i < length; i++) {
        let rest = positions[from! + i * a!]!;
        let at = to! + i * b!;
        for (let k = axes.length - 1; k >= 0; k--) {
          const axis = axes[k]!;
          at += (rest % shape[axis]!) * strides[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
        results[at] = gradients[from! + i * a!]!;
      }
    });
  },
};
