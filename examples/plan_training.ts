/**
 * The plan of a training started from the command line: what is not said is derived from the training cases.
 *
 * @module
 */

import { chooseFrom, surveyCases } from "../data/mod.ts";
import {
  type Budget,
  budgets,
  checkShape,
  costOf,
  makePlan,
  type Plan,
  presetNamed,
  resolveConfig,
  taskOf,
  trainingCases,
  type TrainOptions,
} from "../model/mod.ts";
import type { Device } from "../tensor/mod.ts";
import type { TrainingCases } from "./train_data.ts";
import type { Settings } from "./train_settings.ts";

/**
 * Plans a training.
 *
 * @param settings what a person decided; the rest is planned around them
 * @param options.isTrial plan what the device cannot hold too: nothing will be trained
 */
export async function planTraining(
  { dataset, split, pseudoLabelled, settings: { spacing, orientation } }: TrainingCases,
  { training: said, method }: Settings,
  device: Pick<Device, "kind" | "description">,
  { isTrial = false }: { readonly isTrial?: boolean } = {},
): Promise<Plan> {
  const training = { ...method.usual, ...said };
  checkShape(training);
  const cases = await surveyCases(dataset, trainingCases(dataset, split));
  const chosen = chooseFrom(dataset, cases, {
    ...(spacing && { spacing }),
    ...(orientation && { orientation }),
  });
  const task = taskOf(chosen.preparation);
  const given = Object.fromEntries(
    Object.entries(fixed(training)).filter(([, value]) => value !== undefined),
  );
  const budget = budgetOf(device);
  return await makePlan(
    chosen,
    cases,
    isTrial ? { ...budget, limit: Infinity } : budget,
    (settings) =>
      costOf(resolveConfig({ ...training, ...settings }, method), task, method, pseudoLabelled !== undefined),
    given,
  );
}

/** What a step may take on a device. */
export function budgetOf(device: Pick<Device, "kind" | "description">): Budget {
  const isGpu = device.kind === "webgpu" && !device.description.includes("(software)");
  return budgets[isGpu ? "gpu" : "cpu"];
}

/** What is not to be planned: what was said, and what a Vision Transformer's patches and positions decide. */
function fixed({ preset, patch, levels, batch, positions }: TrainOptions) {
  const network = preset && presetNamed(preset);
  return {
    preset,
    patch: patch ?? (positions === "sam-med3d" ? network?.patch : undefined), // these need a cube
    levels: levels ?? (network?.unet().vit ? network.unet().levels : undefined),
    batch,
  };
}

/** A plan as people read it: a decision a line, with its reason. */
export function planText({ lines }: Plan): string {
  const [name, value] = (["name", "value"] as const).map((key) =>
    Math.max(...lines.map((line) => line[key].length))
  );
  return lines.map((line) => `${line.name.padEnd(name!)}  ${line.value.padEnd(value!)}  ${line.reason}`).join(
    "\n",
  );
}
