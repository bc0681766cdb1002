/**
 * Trains every preset that a device holds for 20 steps of CMC on a phantom, each in a process of its own, and prints
 * the supervised loss (mean of the first and of the last five steps), milliseconds a step, and the memory that was
 * predicted beside what was taken: by tensors, and resident in the process beyond what it had before (Linux).
 *
 *   deno run -A tests/reproduce/presets.ts [cpu|webgpu] [STEPS] [PRESET …]      such as webgpu 20 unet-tiny vit-tiny
 *
 * Where 20 steps at the preset's own patch take more than minutes on two cores, the patch is smaller; `unet-paper` and
 * a trained trunk of `vit-base` are left out: at any useful patch they take more than the 4 GiB of the CPU device.
 */

import { fileURLToPath } from "node:url";
import { makePhantom, splitByLabelRatio } from "../../data/mod.ts";
import {
  costOf,
  learningRateFactor,
  type PresetName,
  resolveConfig,
  taskOf,
  type TrainOptions,
} from "../../model/mod.ts";
import { loadStep } from "../../model/train/batches.ts";
import { preparationFor } from "../../model/train/preparation_for.ts";
import { trainStep } from "../../model/train/step.ts";
import { openTraining } from "../../model/train/training.ts";
import { type DeviceChoice, openDevice } from "../../tensor/mod.ts";

const rows: readonly (TrainOptions & { readonly preset: PresetName })[] = [
  { preset: "unet-tiny", batch: 2 },
  { preset: "unet-light", batch: 2 },
  { preset: "unet-small", batch: 1, patch: [32, 32, 32] },
  { preset: "unet-base", batch: 1, patch: [32, 32, 32] },
  { preset: "vit-tiny", batch: 2 },
  { preset: "vit-tiny", batch: 2, trunk: "frozen" },
  { preset: "vit-small", batch: 1, patch: [32, 32, 32] },
  { preset: "vit-small", batch: 1, patch: [32, 32, 32], trunk: "frozen" },
  { preset: "vit-base", batch: 1, patch: [32, 32, 32], trunk: "frozen" },
];

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Most that was ever resident in this process, in bytes. */
function mostResident(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
  return 1024 * Number(kibibytes);
}

async function trainRow(options: typeof rows[number], choice: DeviceChoice, steps: number): Promise<string> {
  const dataset = makePhantom({ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
  const split = splitByLabelRatio(dataset, { count: 2, seed: 1, validation: 1, test: 1 });
  using device = await openDevice(choice);
  const preparation = await preparationFor({ dataset, split });
  const config = resolveConfig({ ...options, steps, semiSupervisedFrom: 0 }), task = taskOf(dataset);
  const { peakBytes } = await costOf(config, task);
  const before = mostResident();
  using training = openTraining(config, { device, dataset, split, preparation });
  const { phases } = training;
  const losses: number[] = [], ms: number[] = [];
  for (let step = 0; step < steps; step++) {
    const batches = await loadStep(training, step, 1);
    const begin = performance.now();
    const learningRate = config.learningRate *
      learningRateFactor(step, phases, config);
    losses.push((await trainStep(training, batches, { step, learningRate, factor: 1 })).supervised!);
    ms.push(performance.now() - begin);
  }
  const taken = device.stats().peakBytes, resident = mostResident() - before;
  const shown = [
    `${options.preset}${options.trunk === "frozen" ? ", frozen" : ""}`.padEnd(18),
    `${config.patch.join("×")} × ${config.batch}`.padEnd(13),
    `${mean(losses.slice(0, 5)).toFixed(3)} → ${mean(losses.slice(-5)).toFixed(3)}`.padEnd(14),
    `${Math.round(ms.slice(1).sort((a, b) => a - b)[ms.length >> 1]!)}`.padStart(9),
    `${mib(peakBytes)}`.padStart(10),
    `${mib(taken)} (${(taken / peakBytes).toFixed(2)})`.padStart(12),
    `${mib(resident)} (${(resident / peakBytes).toFixed(2)})`.padStart(13),
  ];
  return shown.join("  ");
}

const [choice = "cpu", steps = "20", ...names] = Deno.args;
if (choice === "row") {
  const [device, index] = names;
  console.log(await trainRow(rows[Number(index)]!, device as DeviceChoice, Number(steps)));
} else {
  console.log(
    "preset              patch × batch  loss            ms a step   predicted  tensors       resident, MiB",
  );
  for (const [index, { preset }] of rows.entries()) {
    if (names.length > 0 && !names.includes(preset)) continue;
    const script = fileURLToPath(import.meta.url);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", script, "row", steps, choice, `${index}`],
      stdout: "inherit",
      stderr: "inherit",
    });
    const { code } = await process.output();
    if (code !== 0) Deno.exit(code);
  }
}
