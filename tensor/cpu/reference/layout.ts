/**
 * Kernels that move elements: each is one strided copy.
 *
 * @module
 */

import { stridesOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { broadcast, dense, forRows, type View } from "./strided.ts";

function copy(from: CpuArray, source: View, to: CpuArray, target: View, shape: readonly number[]): void {
  const { data } = from;
  const out = to.data;
  forRows(shape, [source, target], ([a, b], length, [stepA, stepB]) => {
    for (let i = 0; i < length; i++) out[b! + i * stepB!] = data[a! + i * stepA!]!;
  });
}

/** Row-major strides times an index, the offset of a box. */
function offsetOf(shape: readonly number[], index: readonly number[]): number {
  return stridesOf(shape).reduce((sum, stride, axis) => sum + stride * index[axis]!, 0);
}

/** Where the parts of an array begin in it, one after the other along an axis. */
function placesOf(parts: readonly CpuArray[], whole: CpuArray, axis: number): number[] {
  const stride = stridesOf(whole.shape)[axis]!;
  let next = 0;
  return parts.map(({ shape }) => {
    const place = next;
    next += shape[axis]! * stride;
    return place;
  });
}

/** The layout kernels. */
export const layoutKernels: Pick<
  CpuKernels,
  "expand" | "permute" | "slice" | "pad" | "concat" | "split" | "flip" | "cast"
> = {
  expand: ([x], [out]) => copy(x!, broadcast(x!.shape, out!.shape), out!, dense(out!.shape), out!.shape),
  permute([x], [out], { axes }) {
    const strides = stridesOf(x!.shape);
    const source = { start: 0, strides: axes.map((axis) => strides[axis]!) };
    copy(x!, source, out!, dense(out!.shape), out!.shape);
  },
  slice([x], [out], { starts }) {
    copy(x!, dense(x!.shape, offsetOf(x!.shape, starts)), out!, dense(out!.shape), out!.shape);
  },
  pad([x], [out], { before, value }) {
    out!.data.fill(value);
    copy(x!, dense(x!.shape), out!, dense(out!.shape, offsetOf(out!.shape, before)), x!.shape);
  },
  concat(inputs, [out], { axis }) {
    const places = placesOf(inputs, out!, axis);
    inputs.forEach((x, i) => copy(x, dense(x.shape), out!, dense(out!.shape, places[i]!), x.shape));
  },
  split([g], parts, { axis }) {
    const places = placesOf(parts, g!, axis);
    parts.forEach((part, i) => copy(g!, dense(g!.shape, places[i]!), part, dense(part.shape), part.shape));
  },
  flip([x], [out], { axes }) {
    const { shape } = x!;
    const strides = stridesOf(shape);
    const start = axes.reduce((sum, axis) => sum + strides[axis]! * (shape[axis]! - 1), 0);
    const source = { start, strides: strides.map((s, axis) => axes.includes(axis) ? -s : s) };
    copy(x!, source, out!, dense(shape), shape);
  },
  cast([x], [out], { dtype }) {
    const [from, to] = [x!.data, out!.data];
    if (dtype === "f32") return to.set(from);
    // Saturates like WGSL's conversion; storing into an Int32Array would wrap around.
    for (let i = 0; i < from.length; i++) {
      to[i] = Math.min(Math.max(Math.trunc(from[i]!), -(2 ** 31)), 2 ** 31 - 1);
    }
  },
};
