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

import { type Dataset, labelRatio, type Split } from "../data/mod.ts";
import { table } from "../eval/mod.ts";
import {
  checkData,
  checkTraining,
  clock,
  costOf,
  measureTraining,
  methodNames,
  presetNames,
  presets,
  resolveConfig,
  taskOf,
  testColumns,
  type TrainConfig,
  trainInFolder,
  usedParts,
} from "../model/mod.ts";
import { shellWord } from "../model/sweep/mod.ts";
import { dataOptions, printWarnings } from "./open_data.ts";
import {
  type Command,
  deviceChoice,
  deviceOptions,
  main,
  number,
  type Result,
  text,
  UsageError,
  type Values,
} from "./command.ts";
import { initialWeights } from "./initial_weights.ts";
import { methodOptionTable } from "./method_options.ts";
import { mlflowOf } from "./mlflow_option.ts";
import { openChosenDevice } from "./open_device.ts";
import { budgetOf, planText, planTraining } from "./plan_training.ts";
import { costReport, measuredText, whyNotMeasured } from "./training_cost.ts";
import { say, terminal } from "./terminal.ts";
import { openCases } from "./train_data.ts";
import { withDefaults } from "./train_defaults.ts";
import { readSettings } from "./train_settings.ts";

const presetSizes = presetNames.map((name) => `${name} ${presets[name].patch.join("×")}`).join(", ");

const options = {
  data: {
    ...dataOptions.data,
    help: "manifest, or folder with a dataset.json; a phantom data set when absent",
  },
  phantom: { value: "NAME", help: "which phantom data set: abdomen or heart", default: "abdomen" },
  "phantom-cases": { value: "N", help: "how many cases it has", default: "24" },
  recipe: dataOptions.recipe,
  modalities: {
    ...dataOptions.modalities,
    help: "use only these modalities of the data set --data or of the heart phantom",
  },
  nan: dataOptions.nan,
  split: { value: "FILE", help: "JSON with the case ids of labelled, unlabelled, validation, test" },
  method: { value: "NAME|FILE", help: `one of ${methodNames.join(", ")}, or a module of your own` },
  profile: { value: "NAME", help: "cmc, cmc-confident or cmc-released: another word for --method" },
  preset: { value: "NAME", help: `size of the network, and its patch: ${presetSizes}` },
  patch: { value: "D,H,W", help: "voxels of a training patch" },
  trunk: { value: "WORD", help: "trained, or frozen: a Vision Transformer learns in its adapters alone" },
  "adapter-rank": {
    value: "N",
    help: "channels of a Vision Transformer's adapters; 0: none",
    default: "0; with a frozen trunk a quarter of its own",
  },
  "lora-rank": { value: "N", help: "rank of corrections to a Vision Transformer's attention; 0: none" },
  positions: {
    value: "FORM",
    help: "relative positions of a Vision Transformer: axis, or sam-med3d for its weights",
  },
  "label-ratio": {
    value: "R",
    help: "share of the training subjects with labels whose labels are used, such as 0.2",
    default: "20%",
  },
  labelled: { value: "N", help: "number of labelled training subjects, instead of a ratio" },
  validation: { value: "N", help: "validation subjects, a number or a share (0.15; 3 of a phantom)" },
  test: { value: "N", help: "test subjects, a number or a share (0.25; 5 of a phantom)" },
  "misalign-mm": {
    value: "MM",
    help:
      "shift every modality but the first so far in training and validation cases, each in a direction of its own",
  },
  "misalign-degrees": { value: "DEG", help: "turn it so far there, about an axis of its own" },
  fold: {
    value: "K/N",
    help: "test on the K-th of N parts of the subjects (cross-validation), instead of --test",
  },
  "split-seed": {
    value: "N",
    help: "decides who is labelled, unlabelled, validation and test",
    default: "0",
  },
  spacing: { value: "D,H,W", help: "resample to this voxel size in mm; the median of the data when absent" },
  orientation: {
    value: "RULE",
    help:
      "anatomical: axes as in the body; slices: as stored, D across the slices; chosen from the data when absent",
  },
  "deep-supervision": {
    value: "WHEN",
    help:
      "on: labels teach the coarser levels of the decoders too, half as much from one to the next; or off",
  },
  steps: { value: "N", help: "optimiser steps" },
  batch: { value: "N", help: "labelled patches a step; as many unlabelled ones" },
  augmentation: { value: "NAME", help: "none, default, or strong, which mirrors and turns by quarters" },
  storage: { value: "TYPE", help: "f32, or f16: activations in half the memory, on WebGPU" },
  validations: { value: "N", help: "how many times to validate during the training" },
  "learning-rate": { value: "LR", help: "peak learning rate" },
  "weight-decay": { value: "X", help: "weight decay; norms and biases have none" },
  optimizer: { value: "NAME", help: "adamw, or sgd" },
  momentum: { value: "X", help: "momentum of sgd" },
  schedule: {
    value: "NAME",
    help:
      "how the learning rate falls: cosine after the supervised phase, whole-cosine from the start, or poly",
  },
  "warm-up": { value: "SHARE", help: "share of the steps over which the learning rate rises" },
  "clip-norm": { value: "X", help: "largest norm of the gradients" },
  "semi-supervised-from": { value: "SHARE", help: "share of the steps that see labelled patches only" },
  accumulate: { value: "N", help: "batches whose gradients are averaged for each step" },
  "average-decay": {
    value: "D",
    help: "predict with a moving average of the parameters, such as 0.999; 0: no",
  },
  patience: { value: "N", help: "end after so many validations without a better one; 0: never" },
  keep: {
    value: "NAME",
    help: "which parameters are judged: best (by validation), last, or both, the last beside the best",
  },
  overfit: { value: "N", help: "train and validate on N labelled cases alone: can they be learned at all?" },
  unpaired: {
    value: "WORD",
    help: "losses that compare voxels, on modalities that do not correspond: refuse, or force them",
  },
  init: { value: "RUN|FILE", help: "start from the weights of a run, a checkpoint, or what convert wrote" },
  "pseudo-labels": {
    value: "DIR",
    help: "label maps that predict --data wrote, to learn the unlabelled cases from as well",
  },
  "pseudo-label-weight": { value: "X", help: "weight of what these teach, beside 1 of labels" },
  "init-partial": { help: "let what these weights do not have start from random numbers; it is listed" },
  seed: { value: "N", help: "decides initial values and batches; same seed, same device, same bits" },
  seeds: {
    value: "A,B,…",
    help: "train once for each of these seeds, on one split; given again, it goes on where it was cut off",
  },
  ...deviceOptions,
  config: { value: "FILE", help: "settings as JSON, such as a run's config.json; options win" },
  out: { value: "DIR", help: "folder of all runs", default: "runs" },
  name: { value: "NAME", help: "name of the run's folder", default: "METHOD-seedN, METHOD-foldK-seedN" },
  once: {
    help: "make the run of this name once: leave it if it is finished, go on with it if it was cut off",
  },
  resume: { value: "DIR", help: "go on with the interrupted run in this folder" },
  tensorboard: { help: "write the log for TensorBoard as well, in the run folder" },
  mlflow: {
    value: "URL",
    help: "tell this server of MLflow as well; needs --allow-net: without it, the command is printed",
  },
  "mlflow-experiment": { value: "NAME", help: "experiment at the server of --mlflow", default: "cmc" },
  "time-limit": { value: "MIN", help: "save and end after so many minutes" },
  "dry-run": {
    help: "check everything, try a few steps, and print the split and what the training would take",
  },
  ...methodOptionTable,
} as const;

/** Clears the progress line first; the next step draws it again. */
const warn = printWarnings((line) => say(terminal.isTerminal ? `\r\x1b[K${line}` : line));

/** What is to be trained on what. */
function announcement(dataset: Dataset, split: Split, config: TrainConfig, device: string): string {
  const modalities = dataset.modalities.map(({ id }) => id).join(" + ");
  return [
    `${dataset.name}: ${dataset.cases.length} cases, ${modalities}, ${dataset.classes.length} ${
      dataset.classes.length === 1 ? "class" : "classes"
    }`,
    `labelled ${split.labelled.length} (${split.labelled.join(", ")}; label ratio ${
      Number((100 * labelRatio(dataset, split)).toPrecision(3))
    } %), ` +
    `unlabelled ${split.unlabelled.length}, ` +
    `validation ${split.validation.length}, test ${split.test.length}`,
    `${config.methodLabel}, ${config.preset}, patch ${
      config.patch.join("×")
    }, ${config.steps} steps, seed ${config.seed}`,
    `device: ${device}`,
  ].join("\n");
}

/** What ends trainings early. */
interface Stop {
  readonly controller: AbortController;
  /** The exit code of the signal that came, or 0. */
  readonly code: () => number;
}

/** Stops at the time limit. First signal: end after this step. Second: at once. */
function stopOnSignals(limitMinutes: number | undefined): Stop & Disposable {
  const controller = new AbortController();
  const timer = limitMinutes === undefined
    ? undefined
    : setTimeout(() => controller.abort(), limitMinutes * 60_000);
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
  return { controller, code: () => code, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** The seeds of `--seeds`, if it was given. */
function seedsOf(values: Values): readonly number[] | undefined {
  const list = text(values, "seeds");
  if (list === undefined) return undefined;
  if ((values.seed ?? values.resume) !== undefined) {
    throw new UsageError(
      "--seeds does not go with --seed and --resume: it goes on with all runs by their names",
    );
  }
  const seeds = list.split(",").map(Number);
  if (/^\d+(,\d+)*$/.test(list) && new Set(seeds).size === seeds.length) return seeds;
  throw new UsageError(`--seeds ${list}: expected whole numbers from 0, each once, such as 0,1,2`);
}

/** Trains once for each seed; what an earlier call finished is left as it is. */
async function trainSeeds(values: Values, seeds: readonly number[], stop: () => Stop): Promise<Result> {
  const { seeds: _, ...others } = values, name = text(values, "name"), results: Result[] = [];
  for (const seed of seeds) {
    results.push(
      await trainOnce({
        ...others,
        seed: `${seed}`,
        once: true,
        ...(name !== undefined && { name: `${name}-seed${seed}` }),
      }, stop),
    );
    if (results.at(-1)!.exitCode) break;
  }
  const { exitCode = 0 } = results.at(-1)!;
  return {
    text: results.map((result) => result.text).join("\n"),
    json: { runs: results.map((result) => result.json) },
    exitCode,
  };
}

/** What `deno task train` does. */
export const command: Command = {
  name: "train",
  summary: "Trains a method on labelled and unlabelled cases and judges it on held-out ones.\n" +
    "Without --data it trains on a phantom data set, the same for every seed.",
  options: withDefaults(options),
  examples: [
    "",
    "--data scans/ --label-ratio 10% --steps 4000",
  ],
  async run(values): Promise<Result> {
    const seeds = seedsOf(values), limit = number(values, "time-limit");
    using opened = new DisposableStack();
    let stop: Stop | undefined;
    const stopper = () => stop ??= opened.use(stopOnSignals(limit));
    return seeds === undefined ? await trainOnce(values, stopper) : await trainSeeds(values, seeds, stopper);
  },
};

/** A training from options to its result; `stop` is asked for when there is something to stop. */
async function trainOnce(values: Values, stop: () => Stop): Promise<Result> {
  const choice = deviceChoice(values);
  const resume = text(values, "resume");
  if (resume !== undefined && (values.out ?? values.name ?? values.once) !== undefined) {
    throw new UsageError("--out, --name and --once do not go with --resume: the run stays in its folder");
  }
  const mlflow = await mlflowOf(values, say);
  const settings = await readSettings(values);
  const { method } = settings;
  const cases = await openCases(settings, resume, warn);
  const { dataset, split, pseudoLabelled, settings: origin } = cases;
  // Patch and levels are checked together, after the plan has filled in what is missing of them.
  const { patch: _patch, levels: _levels, ...others } = settings.training;
  checkTraining(method, resolveConfig(others, method), dataset, split, pseudoLabelled);
  const init = await initialWeights(origin);
  using device = await openChosenDevice(choice, number(values, "threads"));
  // A network that starts from weights has their shape.
  const training = { ...init?.network, ...settings.training };
  const isTrial = values["dry-run"] === true;
  const plan = await planTraining(cases, { ...settings, training }, device, { isTrial });
  const config = resolveConfig({ ...training, ...plan.settings }, method);
  const task = taskOf(plan.preparation);
  if (isTrial) {
    const used = usedParts(method, config, dataset, split);
    const pseudo = pseudoLabelled && { pseudoLabelled };
    await checkData({ dataset, split: used, ...pseudo, progress: terminal }, method);
    const price = (of: TrainConfig) => costOf(of, task, method, pseudoLabelled !== undefined);
    const { text, json, cost, fits } = await costReport(config, price, budgetOf(device));
    const untold = fits
      ? whyNotMeasured(config, cost.multiplyAdds, device.kind)
      : "not measured: it does not fit";
    const data = {
      ...{ device, dataset, split, preparation: plan.preparation, progress: terminal },
      ...pseudo,
    };
    const taken = untold === undefined ? await measureTraining({ ...config, method }, data) : undefined;
    return {
      text: [
        announcement(dataset, split, config, device.description),
        planText(plan),
        `${text}\n${taken ? measuredText(taken) : `time           ${untold}`}`,
      ].join("\n\n"),
      json: { config, split, plan: plan.lines, ...json, measured: taken ?? null },
    };
  }
  say(announcement(dataset, split, config, device.description));
  say(planText(plan));
  const { controller, code } = stop();
  const begin = performance.now();
  const { folder, run, wasFinished } = await trainInFolder({ ...config, method }, {
    device,
    dataset,
    split,
    ...(pseudoLabelled && { pseudoLabelled }),
    preparation: plan.preparation,
    plan: plan.lines,
    root: text(values, "out") ?? "runs",
    name: text(values, "name") ?? [config.method, ...foldName(origin.fold), `seed${config.seed}`].join("-"),
    once: values.once === true,
    ...(resume !== undefined && { resumeFrom: resume }),
    ...(init && { init }),
    origin: { ...origin },
    tensorboard: values.tensorboard === true,
    ...(mlflow && { mlflow }),
    inWorker: true,
    onWarning: warn,
    progress: terminal,
    signal: controller.signal,
  });
  if (wasFinished) {
    say(`${folder} is finished already`);
    return { text: `run folder: ${folder}`, json: { folder, finished: true, wasFinished } };
  }
  if (!run) {
    say(`saved in ${folder}; go on with\n  deno task train ${goOn(values, folder)}`);
    return { text: "", json: { folder, finished: false }, exitCode: code() || 75 };
  }
  using _ = run;
  const seconds = (performance.now() - begin) / 1000;
  const tested = run.test.length > 0;
  const summary = tested
    ? table(run.test, { rows: ["modality", "class"], columns: testColumns })
    : method.isPretraining
    ? `Train from it: deno task train --init ${shellWord(folder)} --init-partial`
    : "The split has no test case, so there is no test table.";
  const plots = ["learning_curves", ...tested ? ["dice", "assd"] : []];
  return {
    text: `\n${summary}\n\n${plots.map((name) => `${folder}/plots/${name}.svg\n`).join("")}` +
      `run folder: ${folder} (${clock(seconds)})`,
    json: {
      folder,
      finished: true,
      best: { step: run.best.step, val_dice: run.best.dice },
      test: run.test,
    },
  };
}

/** The fold in the name of a run: `fold2` of `2/5`. */
function foldName(fold: string | undefined): string[] {
  return fold === undefined ? [] : [`fold${fold.split("/")[0]}`];
}

/** The options that resume a run: the folder knows its data and settings, but not where it was computed and followed. */
function goOn(values: Values, folder: string): string {
  const device = ["device", "threads"].flatMap((name) =>
    values[name] === undefined ? [] : [`--${name} ${values[name]}`]
  );
  const told = ["mlflow", "mlflow-experiment"].flatMap((name) =>
    values[name] === undefined ? [] : [`--${name} ${shellWord(String(values[name]))}`]
  );
  const trackers = [...values.tensorboard === true ? ["--tensorboard"] : [], ...told];
  return [...device, ...trackers, `--resume ${shellWord(folder)}`].join(" ");
}

if (import.meta.main) await main(command);
