/**
 * The plan of a training started from the command line: what is not said is derived from the training cases.
 *
 * @module
 */

import { chooseFrom, surveyCases } from "../data/mod.ts";
import { budgets, costOf, makePlan, type Plan, resolveConfig, trainingCases } from "../model/mod.ts";
import type { Device } from "../tensor/mod.ts";
import type { TrainingCases } from "./train_data.ts";
import type { Settings } from "./train_settings.ts";

/**
 * Plans a training.
 *
 * @param settings what a person decided; the rest is planned around them
 */
export async function planTraining(
  { dataset, split, settings: { spacing, orientation } }: TrainingCases,
  { training, method }: Settings,
  device: Pick<Device, "kind" | "description">,
): Promise<Plan> {
  const cases = await surveyCases(dataset, trainingCases(dataset, split));
  const chosen = chooseFrom(dataset, cases, {
    ...(spacing && { spacing }),
    ...(orientation && { orientation }),
  });
  const task = { modalities: dataset.modalities.length, classes: dataset.classes.length + 1 };
  const { preset, patch, levels, batch } = training;
  const given = Object.fromEntries(
    Object.entries({ preset, patch, levels, batch }).filter(([, value]) => value !== undefined),
  );
  const isGpu = device.kind === "webgpu" && !device.description.includes("(software)");
  return await makePlan(
    chosen,
    cases,
    budgets[isGpu ? "gpu" : "cpu"],
    (settings) => costOf(resolveConfig({ ...training, ...settings }, method), task, method),
    given,
  );
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
