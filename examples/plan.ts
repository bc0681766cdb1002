/**
 * Shows what `deno task train` would do with a data set, and why: axes, voxel size, patch, levels, batch.
 *
 * ```sh
 * deno task plan data/brats
 * deno task plan data/brats --patch 16,96,96
 * ```
 *
 * @module
 */

import { type Command, deviceChoice, main, number, type Result, UsageError } from "./command.ts";
import { openChosenDevice } from "./open_device.ts";
import { printWarnings } from "./open_data.ts";
import { initialWeights } from "./initial_weights.ts";
import { planText, planTraining } from "./plan_training.ts";
import { command as train } from "./train.ts";
import { openCases } from "./train_data.ts";
import { readSettings } from "./train_settings.ts";

const shared = [
  "data",
  "recipe",
  "modalities",
  "phantom",
  "phantom-cases",
  "split",
  "split-seed",
  "label-ratio",
  "labelled",
  "validation",
  "test",
  "spacing",
  "orientation",
  "method",
  "preset",
  "patch",
  "batch",
  "storage",
  "config",
  "device",
  "threads",
];

/** What `deno task plan` does. */
export const command: Command = {
  name: "plan",
  summary:
    "Shows what train would do with a data set, a line and a reason for each decision. Options change the\n" +
    "decision they name, as they do for train; without a data set it plans for the phantom.",
  positional: "DIR|MANIFEST",
  options: Object.fromEntries(Object.entries(train.options).filter(([name]) => shared.includes(name))),
  examples: [
    "scans/",
    "scans/ --patch 16,96,96 --json",
  ],
  async run(values, [data, ...rest]): Promise<Result> {
    if (rest.length > 0 || (data !== undefined && values.data !== undefined)) {
      throw new UsageError("expected one folder or manifest", "deno task plan DIR");
    }
    const settings = await readSettings({ ...values, ...(data !== undefined && { data }) });
    const cases = await openCases(settings, undefined, printWarnings());
    using device = await openChosenDevice(deviceChoice(values), number(values, "threads"));
    const start = await initialWeights(cases.settings);
    const training = { ...start?.network, ...settings.training };
    const plan = await planTraining(cases, { ...settings, training }, device);
    return { text: planText(plan), json: plan };
  },
};

if (import.meta.main) await main(command);
