/**
 * Group normalisation with its activation, and its gradient.
 *
 * Forward: mean, then deviation from it, then the result; two passes for the statistics keep the variance
 * exact where the mean is large. Backward: two sums for each channel of each sample, from which both the
 * gradients of scale and shift and the corrections of the input's gradient follow. Where a group is small, or
 * there are many, one workgroup does all of it in one dispatch.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

interface Sizes {
  readonly samples: number;
  readonly channels: number;
  readonly voxels: number;
  /** Channels of a group. */
  readonly perGroup: number;
}

function sizesOf(shape: readonly number[], groups: number): Sizes {
  const [samples, channels] = shape as [number, number];
  return { samples, channels, voxels: sizeOf(shape.slice(2)), perGroup: channels / groups };
}

/** `begin(row)` loads what the voxels of a channel have in common; after it `normed(i)` normalises one of them. */
function normedCode({ channels, perGroup }: Sizes): string {
  return `var<private> row_mean: f32;
var<private> row_rstd: f32;
var<private> row_gamma: f32;
var<private> row_beta: f32;
fn begin(row: u32) {
  let group = row / ${perGroup}u;
  row_mean = mean_at(group);
  row_rstd = rstd_at(group);
  row_gamma = gamma_at(row % ${channels}u);
  row_beta = beta_at(row % ${channels}u);
}
fn normed(i: u32) -> f32 { return (x_at(i) - row_mean) * row_rstd; }`;
}

const groupSize = 64;
/** Most voxels of a thread. */
const longestRun = 16;

/** Runs `statements` for each element `i` after `begin` for its row `[sample, channel]`. */
function overVoxels(
  call: Call<unknown>,
  { samples, channels, voxels }: Sizes,
  begin: string,
  statements: string,
): Pick<Step, "threads" | "groups" | "groupSize" | "body"> {
  const rows = samples * channels;
  if (voxels < groupSize) {
    return { threads: rows * voxels, body: `let row = i / ${voxels}u; ${begin} ${statements}` };
  }
  const perThread = Math.ceil(rows * voxels / (groupSize * call.tuning.workgroups));
  const span = groupSize * Math.min(longestRun, perThread);
  const parts = Math.ceil(voxels / span);
  return {
    groups: rows * parts,
    groupSize,
    body: `
  let row = group / ${parts}u;
  let start = group % ${parts}u * ${span}u;
  let end = min(start + ${span}u, ${voxels}u);
  ${begin}
  for (var k = start + lane; k < end; k += ${groupSize}u) {
    let i = row * ${voxels}u + k;
    ${statements}
  }`,
  };
}

/** Elements of a group up to which one workgroup does all of it: one dispatch costs less than what it waits. */
const wholeRow = 65536;
/** Groups that keep an adapter busy, a workgroup each, however long they are. */
const manyRows = 256;
const lanes = 256;

/** `total(lane, value)`: the sum over a workgroup, known to all its threads. */
const totalCode = `var<workgroup> shared_sums: array<f32, ${lanes}>;
fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  shared_sums[lane] = value;
  for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shared_sums[lane] += shared_sums[lane + half]; }
  }
  workgroupBarrier();
  return shared_sums[0];
}`;

/** The whole normalisation, a workgroup for each group of channels of a sample. */
function wholeRowStep(
  call: Call<KernelAttributes<"groupNorm">>,
  { samples, voxels, perGroup }: Sizes,
  activation: string,
): Step {
  const { groups, epsilon } = call.attributes;
  const length = voxels * perGroup;
  const overRow = (statements: string) =>
    `for (var k = lane; k < ${length}u; k += ${lanes}u) { let i = group * ${length}u + k; ${statements} }`;
  return {
    label: "normalise",
    reads: { x: call.input(0), gamma: call.input(1), beta: call.input(2) },
    writes: { out: call.output(0), mean: call.output(1), rstd: call.output(2) },
    groups: samples * groups,
    groupSize: lanes,
    code: totalCode,
    body: `
  var sum = 0.0;
  ${overRow("sum += x_at(i);")}
  let mean = total(lane, sum) / ${length}.0;
  var squares = 0.0;
  ${overRow("let d = x_at(i) - mean; squares += d * d;")}
  let rstd = 1.0 / sqrt(total(lane, squares) / ${length}.0 + ${wgslFloat(epsilon)});
  if (lane == 0u) { set_mean(group, mean); set_rstd(group, rstd); }
  ${
      overRow(`let channel = group % ${groups}u * ${perGroup}u + k / ${voxels}u;
    let y = (x_at(i) - mean) * rstd * gamma_at(channel) + beta_at(channel);
    set_out(i, ${activation});`)
    }`,
  };
}

/** Normalise, scale, shift, leaky ReLU. */
export const groupNorm: Kernel<KernelAttributes<"groupNorm">> = {
  steps: (call) => {
    const { groups, epsilon, slope } = call.attributes;
    const sizes = sizesOf(call.inputs[0]!.shape, groups);
    const rows = sizes.samples * groups;
    const length = sizes.voxels * sizes.perGroup;
    const [x, mean, rstd] = [call.input(0), call.output(1), call.output(2)];
    const statistic = { rows, length, fields: { sum: "f32" }, identity: "Acc()" } as const;
    const activation = slope === 1 ? "y" : `select(y * ${wgslFloat(slope)}, y, y > 0.0)`;
    if (length <= wholeRow || rows >= manyRows) return [wholeRowStep(call, sizes, activation)];
    return [
      ...reductionSteps(call, {
        ...statistic,
        label: "mean",
        reads: { x },
        writes: { mean },
        element: `return Acc(x_at(row * ${length}u + k));`,
        combine: `return Acc(a.sum + b.sum);`,
        store: `set_mean(row, acc.sum / ${length}.0);`,
      }),
      ...reductionSteps(call, {
        ...statistic,
        label: "deviation",
        reads: { x, mean },
        writes: { rstd },
        code: "var<private> row_mean: f32;",
        begin: "row_mean = mean_at(row);",
        element: `let d = x_at(row * ${length}u + k) - row_mean; return Acc(d * d);`,
        combine: `return Acc(a.sum + b.sum);`,
        store: `set_rstd(row, 1.0 / sqrt(acc.sum / ${length}.0 + ${wgslFloat(epsilon)}));`,
      }),
      {
        label: "normalise",
        reads: { x, gamma: call.input(1), beta: call.input(2), mean, rstd },
        writes: { out: call.output(0) },
        code: normedCode(sizes),
        ...overVoxels(
          call,
          sizes,
          "begin(row);",
          `let y = normed(i) * row_gamma + row_beta; set_out(i, ${activation});`,
        ),
      },
    ];
  },
};

/** The incoming gradient in front of the activation, whose sign is recomputed. */
function beforeActivation(slope: number): string {
  return slope === 1 ? `fn gradient(i: u32) -> f32 { return g_at(i); }` : `fn gradient(i: u32) -> f32 {
  let y = normed(i) * row_gamma + row_beta;
  return g_at(i) * select(${wgslFloat(slope)}, 1.0, y > 0.0);
}`;
}

/** Gradients for x, γ and β. */
export const groupNormGrad: Kernel<KernelAttributes<"groupNormGrad">> = {
  steps: (call) => {
    const { groups, slope } = call.attributes;
    const sizes = sizesOf(call.inputs[1]!.shape, groups);
    const { samples, channels, voxels, perGroup } = sizes;
    const reads = {
      g: call.input(0),
      x: call.input(1),
      gamma: call.input(2),
      beta: call.input(3),
      mean: call.input(4),
      rstd: call.input(5),
    };
    const code = `${normedCode(sizes)}\n${beforeActivation(slope)}`;
    // Σ g and Σ g·x̂ over the voxels of each channel of each sample: of one sample, the gradients of shift and scale.
    const rows = samples * channels, [, dgamma, dbeta] = [0, 1, 2].map((at) => call.output(at));
    if (samples === 0) {
      const writes = { dgamma: dgamma!, dbeta: dbeta! }, body = "set_dgamma(i, 0.0); set_dbeta(i, 0.0);";
      return [{ label: "gradients of no sample", reads: {}, writes, body, threads: channels }];
    }
    const shiftSums = samples === 1 ? dbeta! : call.scratch(rows);
    const scaleSums = samples === 1 ? dgamma! : call.scratch(rows);
    if (samples > 1) {
      const terms = { terms: samples, elementStride: 1, termStride: channels };
      call.sumLater(shiftSums, dbeta!, terms);
      call.sumLater(scaleSums, dgamma!, terms);
    }
    const sums = { shift_sums: shiftSums, scale_sums: scaleSums };
    if (perGroup === 1 && (voxels <= wholeRow || rows >= manyRows)) {
      return [wholeRowGradientStep(call, sizes, reads, sums, code)];
    }
    const groupShift = call.scratch(samples * groups);
    const groupScale = call.scratch(samples * groups);
    return [
      ...reductionSteps(call, {
        label: "channel sums",
        rows,
        length: voxels,
        fields: { shift: "f32", scale: "f32" },
        identity: "Acc()",
        reads,
        writes: sums,
        code,
        begin: "begin(row);",
        element: `let i = row * ${voxels}u + k; let g = gradient(i); return Acc(g, g * normed(i));`,
        combine: `return Acc(a.shift + b.shift, a.scale + b.scale);`,
        store: `set_shift_sums(row, acc.shift); set_scale_sums(row, acc.scale);`,
      }),
      ...reductionSteps(call, {
        label: "group sums",
        rows: samples * groups,
        length: perGroup,
        fields: { shift: "f32", scale: "f32" },
        identity: "Acc()",
        reads: { gamma: reads.gamma, shift_sums: shiftSums, scale_sums: scaleSums },
        writes: { group_shift: groupShift, group_scale: groupScale },
        element: `
  let at = row * ${perGroup}u + k;
  let gamma = gamma_at(at % ${channels}u);
  return Acc(gamma * shift_sums_at(at), gamma * scale_sums_at(at));`,
        combine: `return Acc(a.shift + b.shift, a.scale + b.scale);`,
        store: `set_group_shift(row, acc.shift); set_group_scale(row, acc.scale);`,
      }),
      {
        label: "input gradient",
        reads: { ...reads, group_shift: groupShift, group_scale: groupScale },
        writes: { out: call.output(0) },
        code,
        ...overVoxels(
          call,
          sizes,
          `begin(row);
  let row_shift = group_shift_at(row / ${perGroup}u);
  let row_scale = group_scale_at(row / ${perGroup}u);`,
          `let shared_part = row_shift + normed(i) * row_scale;
    set_out(i, row_rstd * (row_gamma * gradient(i) - shared_part / ${voxels * perGroup}.0));`,
        ),
      },
    ];
  },
};

/** The whole gradient where each channel is a group, a workgroup for each channel of a sample. */
function wholeRowGradientStep(
  call: Call<KernelAttributes<"groupNormGrad">>,
  { samples, channels, voxels }: Sizes,
  reads: Step["reads"],
  sums: Step["writes"],
  code: string,
): Step {
  const overRow = (statements: string) =>
    `for (var k = lane; k < ${voxels}u; k += ${lanes}u) { let i = row * ${voxels}u + k; ${statements} }`;
  return {
    label: "gradients",
    reads,
    writes: { out: call.output(0), ...sums },
    groups: samples * channels,
    groupSize: lanes,
    code: `${code}\n${totalCode}`,
    body: `
  let row = group;
  begin(row);
  var shift = 0.0;
  var scale = 0.0;
  ${overRow("let g = gradient(i); shift += g; scale += g * normed(i);")}
  let row_shift = total(lane, shift);
  let row_scale = total(lane, scale);
  ${
      overRow(`let shared_part = row_gamma * (row_shift + normed(i) * row_scale);
    set_out(i, row_rstd * (row_gamma * gradient(i) - shared_part / ${voxels}.0));`)
    }
  if (lane == 0u) { set_shift_sums(row, row_shift); set_scale_sums(row, row_scale); }`,
  };
}

/** A WGSL literal of a number. */
function wgslFloat(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
