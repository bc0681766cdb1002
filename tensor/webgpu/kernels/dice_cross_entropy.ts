/**
 * Dice + cross-entropy from logits: one pass for the logarithms of the softmax denominators, one for all sums of
 * each class: those of Dice, and the cross-entropy of the voxels that bear its label.
 *
 * @module
 */

import { ignoredLabel } from "../../ignored_label.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Call, Kernel } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

type Attributes = KernelAttributes<"diceCrossEntropy">;

function sizesOf({ inputs }: Call<Attributes>, logits: number) {
  const [samples, classes, ...rest] = inputs[logits]!.shape as [number, number, ...number[]];
  return { samples, classes, voxels: sizeOf(rest) };
}

/** `log_sum(n, v)`: the logarithm of the softmax denominator of a voxel. */
function logSumCode(classes: number, voxels: number): string {
  return `fn logit(n: u32, k: u32, v: u32) -> f32 { return z_at((n * ${classes}u + k) * ${voxels}u + v); }
fn log_sum(n: u32, v: u32) -> f32 {
  var top = logit(n, 0u, v);
  for (var k = 1u; k < ${classes}u; k++) { top = max(top, logit(n, k, v)); }
  var sum = 0.0;
  for (var k = 0u; k < ${classes}u; k++) { sum += exp(logit(n, k, v) - top); }
  return top + log(sum);
}`;
}

/** The loss and the sums of p·g, p² and g. */
export const diceCrossEntropy: Kernel<Attributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ epsilon }),
  steps: (call) => {
    const { samples, classes, voxels } = sizesOf(call, 0);
    const [z, y, sums] = [call.input(0), call.input(1), call.output(1)];
    const logSums = call.scratch(samples * voxels);
    const entropies = call.scratch(samples * classes);
    return [
      {
        label: "log sums",
        reads: { z },
        writes: { log_sums: logSums },
        code: logSumCode(classes, voxels),
        threads: samples * voxels,
        body: `set_log_sums(i, log_sum(i / ${voxels}u, i % ${voxels}u));`,
      },
      ...reductionSteps(call, {
        label: "sums of a class",
        rows: samples * classes,
        length: voxels,
        fields: { both: "f32", squares: "f32", label: "f32", entropy: "f32" },
        identity: "Acc()",
        reads: { z, y, log_sums: logSums },
        writes: { sums, entropies },
        // A label outside the classes has no logit; NaN says so instead of a wrong loss. WGSL forbids a constant NaN.
        element: `
  let v = (row / ${classes}u) * ${voxels}u + k;
  let log_p = z_at(row * ${voxels}u + k) - log_sums_at(v);
  let p = exp(log_p);
  let id = y_at(v);
  if (id == ${ignoredLabel}) { return Acc(); }
  if (id < 0 || id >= ${classes}) { return Acc(0.0, p * p, 0.0, bitcast<f32>(0x7fc00000u | (k & 1u))); }
  let hit = id == i32(row % ${classes}u);
  return Acc(select(0.0, p, hit), p * p, select(0.0, 1.0, hit), select(0.0, -log_p, hit));`,
        combine:
          `return Acc(a.both + b.both, a.squares + b.squares, a.label + b.label, a.entropy + b.entropy);`,
        store: `
  set_sums(row * 3u, acc.both);
  set_sums(row * 3u + 1u, acc.squares);
  set_sums(row * 3u + 2u, acc.label);
  set_entropies(row, acc.entropy);`,
      }),
      {
        label: "loss",
        reads: { sums, entropies },
        writes: { out: call.output(0) },
        threads: 1,
        body: `
  var dice = 0.0;
  var entropy = 0.0;
  for (var row = 0u; row < ${samples * classes}u; row++) {
    let size = sums_at(row * 3u + 1u) + sums_at(row * 3u + 2u) + scalars.epsilon;
    dice += 1.0 - 2.0 * sums_at(row * 3u) / size;
    entropy += entropies_at(row);
  }
  set_out(0u, entropy / ${samples * voxels}.0 + dice / ${samples * classes}.0);`,
      },
    ];
  },
};

/** Gradient for the logits. */
export const diceCrossEntropyGrad: Kernel<Attributes> = {
  varying: ["epsilon"],
  scalars: ({ epsilon }) => ({ epsilon }),
  steps: (call) => {
    const { samples, classes, voxels } = sizesOf(call, 1);
    return [{
      label: "gradient",
      reads: { g: call.input(0), z: call.input(1), y: call.input(2), sums: call.input(3) },
      writes: { out: call.output(0) },
      code: `${logSumCode(classes, voxels)}
fn dice_slope(n: u32, k: u32, p: f32, hit: bool) -> f32 {
  let row = (n * ${classes}u + k) * 3u;
  let size = sums_at(row + 1u) + sums_at(row + 2u) + scalars.epsilon;
  return (4.0 * sums_at(row) * p / size - select(0.0, 2.0, hit)) / (size * ${samples * classes}.0);
}`,
      threads: samples * voxels,
      body: `
  let n = i / ${voxels}u;
  let v = i % ${voxels}u;
  let id = y_at(i);
  let denominator = log_sum(n, v);
  var along = 0.0;
  for (var k = 0u; k < ${classes}u; k++) {
    let p = exp(logit(n, k, v) - denominator);
    along += p * dice_slope(n, k, p, id == i32(k));
  }
  let g = select(g_at(0u), 0.0, id == ${ignoredLabel});
  for (var k = 0u; k < ${classes}u; k++) {
    let p = exp(logit(n, k, v) - denominator);
    let hit = id == i32(k);
    let entropy = (p - select(0.0, 1.0, hit)) / ${samples * voxels}.0;
    set_out((n * ${classes}u + k) * ${voxels}u + v, g * (p * (dice_slope(n, k, p, hit) - along) + entropy));
  }`,
    }];
  },
};
