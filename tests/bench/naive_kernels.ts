/**
 * WebGPU kernels as one would first write them, one thread an output, to compare ours with. They are timed, and
 * their values are compared with ours, so that both compute the same.
 */

import { apply } from "../../tensor/apply.ts";
import { conv3d, conv3dInputGradOp, conv3dWeightGradOp } from "../../tensor/ops/conv3d.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { instanceNorm } from "../../tensor/ops/normalization.ts";
import { sum } from "../../tensor/ops/reduce.ts";
import { softmax } from "../../tensor/ops/softmax.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** A kernel on a shape. */
export interface NaiveCase {
  /** Op and shape. */
  readonly name: string;
  /** Shapes of the inputs, bound as `in0`, `in1`, … */
  readonly inputs: readonly Shape[];
  /** Shape of the output, bound as `out`. */
  readonly output: Shape;
  /** WGSL statements that compute element `i` of the output. */
  readonly body: string;
  /** The same by our op. */
  ours(inputs: readonly Tensor[]): Tensor;
}

/** Loops over the 27 taps around a voxel of a cube, leaving out what lies outside. */
function taps(size: number, inner: string): string {
  return `for (var kz = 0; kz < 3; kz++) { for (var ky = 0; ky < 3; ky++) { for (var kx = 0; kx < 3; kx++) {
    let z = i32(oz) + kz - 1; let y = i32(oy) + ky - 1; let x = i32(ox) + kx - 1;
    if (min(min(z, y), x) < 0 || max(max(z, y), x) >= ${size}) { continue; }
    let at = u32((z * ${size} + y) * ${size} + x); let tap = u32((kz * 3 + ky) * 3 + kx); ${inner}
  } } }`;
}

const place = (size: number) =>
  `let ox = i % ${size}u; let oy = i / ${size}u % ${size}u; let oz = i / ${size ** 2}u % ${size}u;`;

function convolution(inputs: number, outputs: number, size: number): NaiveCase {
  const cube = [size, size, size], voxels = size ** 3;
  return {
    name: `conv3d ${inputs}→${outputs}, ${size}³`,
    inputs: [[2, inputs, ...cube], [outputs, inputs, 3, 3, 3]],
    output: [2, outputs, ...cube],
    body: `${place(size)} let o = i / ${voxels}u % ${outputs}u; let n = i / ${voxels * outputs}u; var s = 0.0;
      for (var c = 0u; c < ${inputs}u; c++) { ${
      taps(size, `s += in0[(n * ${inputs}u + c) * ${voxels}u + at] * in1[(o * ${inputs}u + c) * 27u + tap];`)
    } } out[i] = s;`,
    ours: ([x, w]) => conv3d(x!, w!, null, { padding: 1 }),
  };
}

const plain = { stride: [1, 1, 1], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 1 } as const;

function inputGradient(channels: number, size: number): NaiveCase {
  const cube = [size, size, size] as const, voxels = size ** 3;
  return {
    name: `conv3d input gradient ${channels}→${channels}, ${size}³`,
    inputs: [[2, channels, ...cube], [channels, channels, 3, 3, 3]],
    output: [2, channels, ...cube],
    body: `${place(size)} let c = i / ${voxels}u % ${channels}u; let n = i / ${
      voxels * channels
    }u; var s = 0.0;
      for (var o = 0u; o < ${channels}u; o++) { ${
      taps(
        size,
        `s += in0[(n * ${channels}u + o) * ${voxels}u + at] * in1[(o * ${channels}u + c) * 27u + 26u - tap];`,
      )
    } } out[i] = s;`,
    ours: ([g, w]) => apply(conv3dInputGradOp, [g!, w!], { ...plain, size: cube }),
  };
}

function weightGradient(channels: number, size: number): NaiveCase {
  const cube = [size, size, size], voxels = size ** 3;
  return {
    name: `conv3d weight gradient ${channels}→${channels}, ${size}³`,
    inputs: [[2, channels, ...cube], [2, channels, ...cube]],
    output: [channels, channels, 3, 3, 3],
    body: `let kx = i32(i % 3u) - 1; let ky = i32(i / 3u % 3u) - 1; let kz = i32(i / 9u % 3u) - 1;
      let c = i / 27u % ${channels}u; let o = i / ${27 * channels}u; var s = 0.0;
      for (var n = 0u; n < 2u; n++) { for (var v = 0u; v < ${voxels}u; v++) {
        let x = i32(v % ${size}u) + kx; let y = i32(v / ${size}u % ${size}u) + ky; let z = i32(v / ${
      size ** 2
    }u) + kz;
        if (min(min(z, y), x) < 0 || max(max(z, y), x) >= ${size}) { continue; }
        let at = u32((z * ${size} + y) * ${size} + x);
        s += in0[(n * ${channels}u + c) * ${voxels}u + at] * in1[(n * ${channels}u + o) * ${voxels}u + v];
      } } out[i] = s;`,
    ours: ([x, g]) => apply(conv3dWeightGradOp, [x!, g!], { ...plain, kernel: [3, 3, 3] }),
  };
}

function product(m: number, k: number, n: number): NaiveCase {
  return {
    name: `matmul ${m}×${k}×${n}`,
    inputs: [[m, k], [k, n]],
    output: [m, n],
    body: `let r = i / ${n}u; let c = i % ${n}u; var s = 0.0;
      for (var k = 0u; k < ${k}u; k++) { s += in0[r * ${k}u + k] * in1[k * ${n}u + c]; } out[i] = s;`,
    ours: ([a, b]) => matmul(a!, b!),
  };
}

/** Each thread goes through its whole channel for the mean and the variance. */
function norm(channels: number, size: number): NaiveCase {
  const voxels = size ** 3, shape = [2, channels, size, size, size];
  return {
    name: `instance norm ${channels} channels, ${size}³`,
    inputs: [shape, [channels], [channels]],
    output: shape,
    body: `let c = i / ${voxels}u; var m = 0.0; var s = 0.0;
      for (var v = 0u; v < ${voxels}u; v++) { m += in0[c * ${voxels}u + v]; } m /= ${voxels}.0;
      for (var v = 0u; v < ${voxels}u; v++) { let d = in0[c * ${voxels}u + v] - m; s += d * d; }
      let k = c % ${channels}u; out[i] = (in0[i] - m) / sqrt(s / ${voxels}.0 + 1e-5) * in1[k] + in2[k];`,
    ours: ([x, gamma, beta]) => instanceNorm(x!, gamma!, beta!),
  };
}

/** Over the middle axis of three. */
function softmaxOf(outer: number, n: number, inner: number): NaiveCase {
  return {
    name: `softmax over ${n} of ${outer}×${n}×${inner}`,
    inputs: [[outer, n, inner]],
    output: [outer, n, inner],
    body: `let start = i / ${n * inner}u * ${n * inner}u + i % ${inner}u; var m = in0[start]; var s = 0.0;
      for (var k = 1u; k < ${n}u; k++) { m = max(m, in0[start + k * ${inner}u]); }
      for (var k = 0u; k < ${n}u; k++) { s += exp(in0[start + k * ${inner}u] - m); }
      out[i] = exp(in0[i] - m) / s;`,
    ours: ([x]) => softmax(x!, 1),
  };
}

/** Over the middle axis of three. */
function sumOf(outer: number, n: number, inner: number): NaiveCase {
  return {
    name: `sum over ${n} of ${outer}×${n}×${inner}`,
    inputs: [[outer, n, inner]],
    output: [outer, inner],
    body: `let start = i / ${inner}u * ${n * inner}u + i % ${inner}u; var s = 0.0;
      for (var k = 0u; k < ${n}u; k++) { s += in0[start + k * ${inner}u]; } out[i] = s;`,
    ours: ([x]) => sum(x!, { axes: [1] }),
  };
}

/**
 * Shapes as they occur in the networks: wide and shallow, narrow and deep, few and many outputs. Mesa's software
 * driver ends a thread's loops after 65,535 iterations altogether without a word, so no naive loop is longer.
 */
export const naiveCases: readonly NaiveCase[] = [
  convolution(1, 16, 32),
  convolution(16, 16, 32),
  convolution(32, 32, 16),
  convolution(64, 64, 4),
  inputGradient(16, 32),
  inputGradient(64, 4),
  weightGradient(16, 24),
  weightGradient(64, 4),
  product(256, 256, 256),
  product(32, 4096, 32),
  product(1, 1024, 1024),
  norm(16, 24),
  norm(64, 4),
  softmaxOf(2, 3, 32 ** 3),
  softmaxOf(2048, 512, 1),
  sumOf(1, 2 ** 15, 1),
  sumOf(2048, 512, 1),
  sumOf(1, 512, 2048),
];

/** The whole shader; threads beyond 65,535 workgroups are folded into a second dimension. */
export function shaderOf({ inputs, output, body }: NaiveCase): string {
  const bindings = inputs.map((_, k) => `@group(0) @binding(${k}) var<storage, read> in${k}: array<f32>;`)
    .join("\n");
  return `${bindings}
@group(0) @binding(${inputs.length}) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= ${sizeOf(output)}u) { return; }
  ${body}
}`;
}
