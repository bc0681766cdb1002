/**
 * Trains a method and judges it on held-out cases. Without arguments: CMC on a phantom data set.
 *
 * ```sh
 * deno task train
 * deno task train --data scans/dataset.json --label-ratio 10% --steps 4000
 * deno task train --data BraTS --recipe examples/recipes/brats_whole_tumour.json
 * ```
 *
 * @module
 */

import {
  type Dataset,
  labelRatio,
  makePhantom,
  readSplit,
  type Split,
  splitByLabelRatio,
} from "../data/mod.ts";
import { table } from "../eval/mod.ts";
import {
  clock,
  costOf,
  methodNames,
  presetNames,
  resolveConfig,
  testColumns,
  type TrainConfig,
  trainInFolder,
  type TrainOptions,
} from "../model/mod.ts";
import { dataOptions, openData, printWarnings } from "./open_data.ts";
import {
  type Command,
  deviceChoice,
  main,
  number,
  numbers,
  type Result,
  text,
  UsageError,
  type Values,
} from "./command.ts";
import { openChosenDevice } from "./open_device.ts";
import { say, terminal } from "./terminal.ts";

const options = {
  data: {
    ...dataOptions.data,
    help: "manifest, or folder with a dataset.json; a phantom data set when absent",
  },
  phantom: { value: "NAME", help: "which phantom data set: abdomen (when absent), or heart" },
  recipe: dataOptions.recipe,
  modalities: dataOptions.modalities,
  nan: dataOptions.nan,
  split: { value: "FILE", help: "JSON with the case ids of labelled, unlabelled, validation, test" },
  method: { value: "NAME", help: `one of ${methodNames.join(", ")}` },
  profile: { value: "NAME", help: "cmc, cmc-confident" },
  preset: { value: "NAME", help: `size of the network: ${presetNames.join(", ")}` },
  patch: { value: "D,H,W", help: "voxels of a training patch" },
  "label-ratio": {
    value: "R",
    help:
      "share of the training subjects with labels whose labels are used, such as 0.2 or 20% (the default)",
  },
  labelled: { value: "N", help: "number of labelled training subjects, instead of a ratio" },
  validation: { value: "N", help: "validation subjects, a number or a share (0.15)" },
  test: { value: "N", help: "test subjects, a number or a share (0.25)" },
  spacing: { value: "X,Y,Z", help: "resample to this voxel size in mm" },
  steps: { value: "N", help: "optimiser steps" },
  batch: { value: "N", help: "labelled patches a step; as many unlabelled ones" },
  augmentation: { value: "NAME", help: "none, default, or strong, which mirrors and turns by quarters" },
  storage: { value: "TYPE", help: "f32, or f16: activations in half the memory, on WebGPU" },
  validations: { value: "N", help: "how many times to validate during the training" },
  "learning-rate": { value: "LR", help: "peak learning rate" },
  "csc-weight": { value: "W", help: "weight of channel-wise semantic consistency; 0 turns it off" },
  "cac-weight": { value: "W", help: "weight of anatomical consistency; 0 turns it off" },
  seed: { value: "N", help: "decides split, initial values, batches; same seed, same device, same bits" },
  device: { value: "NAME", help: "auto, cpu or webgpu" },
  threads: { value: "N", help: "threads of the cpu device" },
  config: { value: "FILE", help: "settings as JSON; options on the command line win" },
  out: { value: "DIR", help: "folder of all runs (runs)" },
  name: { value: "NAME", help: "name of the run's folder" },
  resume: { value: "DIR", help: "go on with the interrupted run in this folder" },
  "time-limit": { value: "MIN", help: "save and end after so many minutes" },
  "dry-run": { help: "check everything and print what the training would cost" },
} as const;

const phantomSize = { cases: 24, misalignmentMm: 1, validation: 3, test: 5 };

/** Settings of a JSON file, if one is named. */
async function settingsOf(path: string | undefined): Promise<Record<string, unknown>> {
  if (path === undefined) return {};
  const content = await Deno.readTextFile(path);
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`);
  }
}

/** The settings of a run folder are complete, but they also name the data set. */
async function resumedSettings(folder: string | undefined): Promise<Record<string, unknown>> {
  if (folder === undefined) return {};
  const { dataset: _, ...settings } = await settingsOf(`${folder}/config.json`);
  return settings;
}

async function trainOptions(values: Values): Promise<TrainOptions> {
  const file = {
    ...await resumedSettings(text(values, "resume")),
    ...await settingsOf(text(values, "config")),
  };
  const weights = { csc: number(values, "csc-weight"), cac: number(values, "cac-weight") };
  const given = {
    method: text(values, "method"),
    profile: text(values, "profile"),
    preset: text(values, "preset"),
    patch: numbers(values, "patch", 3),
    steps: number(values, "steps"),
    batch: number(values, "batch"),
    augmentation: text(values, "augmentation"),
    storage: text(values, "storage"),
    validations: number(values, "validations"),
    learningRate: number(values, "learning-rate"),
    seed: number(values, "seed"),
  };
  const defined = (object: object) =>
    Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined));
  const chosen = { ...file.weights as object, ...defined(weights) };
  return {
    ...file,
    ...defined(given),
    ...(Object.keys(chosen).length > 0 && { weights: chosen }),
  } as TrainOptions;
}

async function datasetFor(values: Values, seed: number): Promise<Dataset & { split?: Split }> {
  const { cases, misalignmentMm } = phantomSize;
  const anatomy = text(values, "phantom") ?? "abdomen";
  if (anatomy === "heart" && values.data === undefined) {
    return makePhantom({ anatomy, cases, misalignmentMm, seed });
  }
  if (anatomy !== "abdomen" || (values.data && values.phantom)) {
    throw new UsageError(`--phantom ${anatomy}: expected abdomen or heart, and no --data`);
  }
  return await openData(values, warn) ??
    makePhantom({ cases, modalities: ["ct", "mr"], misalignmentMm, seed });
}

async function splitFor(values: Values, dataset: Dataset & { split?: Split }, seed: number): Promise<Split> {
  const resume = text(values, "resume");
  const file = resume ? `${resume}/split.json` : text(values, "split");
  if (file) {
    return await readSplit(file);
  }
  if (dataset.split) return dataset.split;
  const phantom = values.data === undefined;
  const count = number(values, "labelled");
  return splitByLabelRatio(dataset, {
    ...(count === undefined ? { ratio: text(values, "label-ratio") ?? 0.2 } : { count }),
    seed,
    onWarning: warn,
    validation: number(values, "validation") ?? (phantom ? phantomSize.validation : 0.15),
    test: number(values, "test") ?? (phantom ? phantomSize.test : 0.25),
  });
}

/** Clears the progress line first; the next step draws it again. */
const warn = printWarnings((line) => say(terminal.isTerminal ? `\r\x1b[K${line}` : line));

function announce(dataset: Dataset, split: Split, config: TrainConfig, device: string): void {
  const modalities = dataset.modalities.map(({ id }) => id).join(" + ");
  say(`${dataset.name}: ${dataset.cases.length} cases, ${modalities}, ${dataset.classes.length} classes`);
  say(
    `labelled ${split.labelled.length} (${split.labelled.join(", ")}; label ratio ${
      Number((100 * labelRatio(dataset, split)).toPrecision(3))
    } %), ` +
      `unlabelled ${split.unlabelled.length}, ` +
      `validation ${split.validation.length}, test ${split.test.length}`,
  );
  say(
    `${config.method}, ${config.preset}, patch ${
      config.patch.join("×")
    }, ${config.steps} steps, seed ${config.seed}`,
  );
  say(`device: ${device}`);
}

/** First signal: end after this step. Second: at once. */
function stopOnSignals(): { controller: AbortController; code: () => number } {
  const controller = new AbortController();
  let code = 0;
  for (const [signal, exit] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => {
      if (controller.signal.aborted) Deno.exit(exit);
      code = exit;
      say("\nending after this step; once more to stop at once");
      controller.abort();
    });
  }
  return { controller, code: () => code };
}

const command: Command = {
  name: "train",
  summary: "Trains a method on labelled and unlabelled cases and judges it on held-out ones.\n" +
    "Without --data it trains on a phantom data set made from the seed.",
  options,
  async run(values): Promise<Result> {
    const choice = deviceChoice(values);
    const settings = await trainOptions(values);
    const config = resolveConfig(settings);
    const dataset = await datasetFor(values, config.seed);
    const split = await splitFor(values, dataset, config.seed);
    const task = { modalities: dataset.modalities.length, classes: dataset.classes.length + 1 };
    const spacing = numbers(values, "spacing", 3) as [number, number, number] | undefined;
    if (values["dry-run"]) {
      const cost = await costOf(config, task);
      const lines = [
        `parameters     ${cost.parameters.toLocaleString("en")}`,
        `trainable      ${cost.trainable.toLocaleString("en")}`,
        `multiply-adds  ${(cost.multiplyAdds / 1e9).toFixed(2)} G a forward pass of one patch pair`,
        `memory         ${(cost.peakBytes / 2 ** 20).toFixed(0)} MiB at most in a training step`,
      ];
      return { text: lines.join("\n"), json: { config, split, ...cost } };
    }
    using device = await openChosenDevice(choice, number(values, "threads"));
    announce(dataset, split, config, device.description);
    const { controller, code } = stopOnSignals();
    const limit = number(values, "time-limit");
    const timer = limit === undefined ? undefined : setTimeout(() => controller.abort(), limit * 60_000);
    const begin = performance.now();
    const { folder, run } = await trainInFolder(settings, {
      device,
      dataset,
      split,
      ...(spacing && { prepare: { spacing } }),
      root: text(values, "out") ?? "runs",
      name: text(values, "name") ?? `${config.method}-seed${config.seed}`,
      ...(values.resume !== undefined && { resumeFrom: values.resume as string }),
      inWorker: true,
      onWarning: warn,
      progress: terminal,
      signal: controller.signal,
    });
    clearTimeout(timer);
    if (!run) {
      say(`saved in ${folder}; go on with\n  deno task train ${goOn(values, folder)}`);
      return { text: "", json: { folder, finished: false }, exitCode: code() || 75 };
    }
    using _ = run;
    const seconds = (performance.now() - begin) / 1000;
    const summary = table(run.test, { rows: ["modality", "class"], columns: testColumns });
    return {
      text: `\n${summary}\n\n${folder}/plots/learning_curves.svg\n${folder}/plots/dice.svg\n` +
        `${folder}/plots/assd.svg\nrun folder: ${folder} (${clock(seconds)})`,
      json: {
        folder,
        finished: true,
        best: { step: run.best.step, val_dice: run.best.dice },
        test: run.test,
      },
    };
  },
};

/** The options that resume a run: its data, which the run folder does not hold, and the folder. */
function goOn(values: Values, folder: string): string {
  const data = ["data", "phantom", "recipe", "modalities", "nan", "spacing", "device", "threads"].flatMap((
    name,
  ) => values[name] === undefined ? [] : [`--${name} ${values[name]}`]);
  return [...data, `--resume ${folder}`].join(" ");
}

if (import.meta.main) await main(command);
