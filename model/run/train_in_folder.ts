/**
 * A training whose every result is in a folder: settings, log, checkpoints, tables, plots, predictions.
 *
 * @module
 */

import settings from "../../deno.json" with { type: "json" };
import { resolve } from "node:path";
import {
  caseOf,
  type Dataset,
  fileName,
  labelRatio,
  type NiftiHeader,
  type Preparation,
  readNiftiHeader,
  type Split,
  volumePath,
  writeNifti,
} from "../../data/mod.ts";
import {
  caseCsv,
  classBoxPlot,
  learningCurves,
  lossColumns,
  parseLog,
  summarise,
  table,
} from "../../eval/mod.ts";
import { requireStored } from "../../tensor/device.ts";
import { CodedError } from "../../tensor/errors.ts";
import { aboutFile } from "./about_file.ts";
import {
  type Checkpoint,
  type CheckpointInfo,
  decodeCheckpoint,
  encodeCheckpoint,
  requireSameTraining,
} from "./checkpoint.ts";
import { methodOf, resolveConfig, type TrainConfig, type TrainOptions } from "../train/resolve.ts";
import type { PlanLine } from "../plan/plan.ts";
import { costOf } from "../train/cost.ts";
import { type Task, taskOf } from "../segmenter.ts";
import { EventFile } from "./event_file.ts";
import { LiveRecord } from "./live_record.ts";
import { logCsv } from "./log_csv.ts";
import { MlflowRun, type MlflowSetting, requireMlflow } from "./mlflow_run.ts";
import { changedFile, type DataIdentity, identify, sha256Of } from "./data_identity.ts";
import { readFile, readJsonObject } from "./read_json.ts";
import { RunFolder } from "./run_folder.ts";
import { checkData, checkTraining } from "../train/checks.ts";
import type { TrainSetting } from "../train/fit.ts";
import { preparationFor } from "../train/preparation_for.ts";
import { Progress, silent } from "../train/progress.ts";
import type { TrainState } from "../train/state.ts";
import { validationsSinceBest } from "../train/validate.ts";
import { usedParts } from "../train/training.ts";
import { train, type TrainedRun } from "../train/train.ts";

/** Where the folder goes. */
export interface FolderSetting
  extends Omit<TrainSetting, "save" | "resume" | "predicted" | "stepped" | "validated" | "isChecked"> {
  /** Folder of all runs. */
  readonly root: string;
  /** Name of this run's folder in it; a number is added when it is taken. */
  readonly name: string;
  /** What was planned and why, to be kept in `plan.json`. */
  readonly plan?: readonly PlanLine[];
  /** Folder of an earlier run to go on with, instead of a new one. */
  readonly resumeFrom?: string;
  /**
   * Make the run of this name once: one that is finished is left as it is, one that was cut off goes on, and no number is
   * added to the name.
   */
  readonly once?: boolean;
  /** Whether the log is also written as an event file of TensorBoard; not by default. */
  readonly tensorboard?: boolean;
  /** A server of MLflow that is told of the training; none by default. */
  readonly mlflow?: MlflowSetting;
  /** Where data and split came from, to be written into `config.json` beside the settings of the training. */
  readonly origin?: Readonly<Record<string, unknown>>;
}

/** What became of it. */
export interface FolderRun {
  /** Path of the folder. */
  readonly folder: string;
  /** The finished run, or null when it was interrupted and saved, or finished before. */
  readonly run: TrainedRun | null;
  /** Whether an earlier call had finished it, so that nothing was done. */
  readonly wasFinished: boolean;
}

/** Written last: a run folder that has it is finished. */
const results = "metrics.json";

/** What `robustness` and `calibration` leave in a finished run's folder: of its parameters then. */
const measuredLater = ["robustness.csv", "missing_modalities.csv", "calibration.csv", "calibration.svg"];

const lastCheckpoint = "checkpoints/last.safetensors";

const damaged = "The run folder is damaged; start again.";

/** A run that is made once is the training that is asked for now, of the same length. */
function requireSameSteps(saved: CheckpointInfo, now: CheckpointInfo, path: string): void {
  if (saved.config.steps === now.config.steps) return;
  throw new CodedError(
    "resume.mismatch",
    `${path} is a training of ${saved.config.steps} steps; ${now.config.steps} are asked for`,
    { fix: "Give another name, or the same steps; --resume makes a run longer." },
  );
}

async function readCheckpoint(path: string, fix: string): Promise<Checkpoint> {
  const bytes = await readFile(path, fix);
  return aboutFile(path, () => decodeCheckpoint(bytes));
}

/** Reads what an interrupted run reached, after making sure that it was the same training. */
async function loadState(
  path: string,
  now: CheckpointInfo,
  identity: DataIdentity,
  { once, isPretraining }: { readonly once: boolean; readonly isPretraining: boolean },
): Promise<TrainState> {
  const notBegun = "The run ended before its first checkpoint: remove the folder and start again.";
  const last = await readCheckpoint(`${path}/${lastCheckpoint}`, notBegun);
  const split = await readJsonObject(`${path}/split.json`, damaged);
  const { labelled, unlabelled, validation, test } = split;
  const isTouched = sha256Of({ labelled, unlabelled, validation, test }) !== last.info.split;
  if (isTouched || split.sha256 !== last.info.split) {
    throw new CodedError(
      "resume.mismatch",
      `${path}/split.json is not the split that the run was started with`,
      {
        fix: "Undo the change to the file, or start a new run.",
      },
    );
  }
  requireSameTraining(last.info, now, {
    changedData: changedFile(split, identity),
    ...(once && { once: path }),
  });
  if (once) requireSameSteps(last.info, now, path);
  const { step } = last.info;
  const rows = step === 0
    ? []
    : parseLog(new TextDecoder().decode(await readFile(`${path}/log.csv`, damaged)));
  let best: TrainState["best"] = null;
  // A pre-training has no score; its parameters are kept when it has made all its steps.
  const isKept = last.info.best !== null || isPretraining && step === last.info.config.steps;
  if (isKept) {
    // After a crash between the two files this one may be newer; the resumed run then reaches the same score again.
    const saved = await readCheckpoint(`${path}/checkpoints/best.safetensors`, damaged);
    best = { step: saved.info.step, dice: saved.info.best, network: saved.network };
  }
  return {
    step,
    network: last.network,
    average: last.average,
    optimizer: last.optimizer,
    best,
    log: rows.filter((row) => row.step <= step),
  };
}

function describe(
  config: TrainConfig,
  preparation: Preparation,
  split: Split,
  { sha256 }: DataIdentity,
): CheckpointInfo {
  const { labelled, unlabelled, validation, test } = split;
  return {
    config,
    preparation,
    step: 0,
    best: null,
    split: sha256Of({ labelled, unlabelled, validation, test }),
    data: sha256,
  };
}

async function writeConfig(
  folder: RunFolder,
  { config, preparation }: CheckpointInfo,
  setting: FolderSetting,
): Promise<void> {
  const { name, modalities, classes, paired, aligned, source } = setting.dataset;
  // A generated data set can be made again from its recipe; one in files is found where it lies.
  const recipe = "root" in setting.dataset ? {} : { source };
  await folder.writeJson("config.json", {
    ...config,
    ...setting.origin,
    preparation,
    dataset: { name, modalities, classes, paired, aligned, ...recipe },
  });
}

async function writeSettings(
  folder: RunFolder,
  info: CheckpointInfo,
  setting: FolderSetting,
  { sha256: _, ...files }: DataIdentity,
): Promise<void> {
  const { labelled, unlabelled, validation, test } = setting.split;
  await folder.writeJson("split.json", {
    ...{ labelled, unlabelled, validation, test },
    labelRatio: labelRatio(setting.dataset, setting.split),
    sha256: info.split,
    ...files,
  });
  if (setting.plan) await folder.writeJson("plan.json", setting.plan);
  await folder.writeJson("env.json", {
    version: settings.version,
    deno: Deno.version,
    platform: Deno.build.target,
    device: setting.device.description,
  });
  await writeConfig(folder, info, setting);
}

async function saveState(folder: RunFolder, info: CheckpointInfo, state: TrainState): Promise<void> {
  const now = { ...info, step: state.step, best: state.best?.dice ?? null };
  // The best first: `last` names its score, so it must be there when `last` is.
  if (state.best) {
    const bytes = encodeCheckpoint({ ...now, step: state.best.step }, state.best.network);
    await folder.write("checkpoints/best.safetensors", bytes);
  }
  if (state.log.length > 0) await folder.write("log.csv", logCsv(state.log));
  await folder.write(
    lastCheckpoint,
    encodeCheckpoint(now, state.network, state.optimizer, state.average),
  );
}

/** The header of an image that lies in a file, so that a prediction can be written on its grid. */
async function headerOf(dataset: Dataset, id: string, modality: string): Promise<{ like?: NiftiHeader }> {
  if (!("root" in dataset)) return {};
  const { path } = volumePath(caseOf(dataset, id).images[modality]!);
  const { header } = await readNiftiHeader(resolve(dataset.root as string, path));
  return { like: header };
}

/** The columns of a run's test table. */
export const testColumns = ["dice", "assd_mm", "hd95_mm"] as const;

async function writeResults(
  folder: RunFolder,
  run: TrainedRun,
  task: Task,
  seconds: number,
  caseMs: ReadonlyMap<string, number>,
): Promise<void> {
  const { config, test, lastTest, log, best, waitedMs } = run;
  const layout = { rows: ["modality", "class"], columns: testColumns } as const;
  await folder.write("cases.csv", caseCsv(test));
  if (lastTest) await folder.write("cases_last.csv", caseCsv(lastTest));
  else await folder.remove("cases_last.csv"); // that of a shorter training
  await folder.write("plots/learning_curves.svg", learningCurves(log, { columns: lossColumns([log]) }));
  if (test.length > 0) {
    await folder.write("tables/test.md", table(test, layout));
    await folder.write("tables/test.csv", table(test, { ...layout, format: "csv" }));
    await folder.write("plots/dice.svg", classBoxPlot(test, { metric: "dice" }));
    await folder.write("plots/assd.svg", classBoxPlot(test, { metric: "assd_mm" }));
  }
  await folder.writeJson(results, {
    best: { step: best.step, val_dice: best.dice },
    judged: config.keep === "last" ? "last" : "best",
    test: test.length > 0 ? { ...summarise(test), cases: test } : null,
    ...(lastTest && lastTest.length > 0 && { last: summarise(lastTest) }),
    cost: {
      ...await costOf(config, task, run.method, run.pseudoLoader !== undefined),
      seconds,
      inferenceMs: caseMs.size > 0
        ? [...caseMs.values()].reduce((sum, ms) => sum + ms, 0) / caseMs.size
        : null,
      secondsWaitedForData: waitedMs / 1000,
      measuredPeakBytes: run.device.stats().peakBytes,
    },
  });
}

/** The folder that an earlier call left, if this one goes on with it. */
async function openEarlier({ resumeFrom, once, root, name }: FolderSetting): Promise<RunFolder | undefined> {
  if (resumeFrom !== undefined) return await RunFolder.open(resumeFrom);
  const isThere = once && await Deno.stat(`${root}/${name}`).then(() => true, () => false);
  return isThere ? await RunFolder.make(root, name) : undefined;
}

/** A folder in which no other process has begun since this one looked. */
async function makeNew(root: string, name: string): Promise<RunFolder> {
  const folder = await RunFolder.make(root, name);
  if (!await folder.has("config.json")) return folder;
  folder[Symbol.dispose]();
  throw new CodedError("run.locked", `another process has worked in ${folder.path} just now`, {
    fix: "Start again: it goes on with what is there.",
  });
}

/**
 * Trains in a new folder, or goes on in the folder of an interrupted run.
 *
 * @throws {CodedError} what {@link train} throws, among it `dtype.unsupported`; `run.*`, `resume.mismatch` and `io.*` for the folder,
 * `mlflow.*` for a server that does not answer at the start
 */
export async function trainInFolder(options: TrainOptions, setting: FolderSetting): Promise<FolderRun> {
  const { device, dataset, split, pseudoLabelled, resumeFrom, once = false, root, name } = setting;
  const method = methodOf(options);
  const config = resolveConfig(options, method);
  // All that can be refused is refused before there is a folder.
  requireStored(device, config.storage);
  checkTraining(method, config, dataset, split, pseudoLabelled);
  using opened = await openEarlier(setting);
  const used = usedParts(method, config, dataset, split);
  const identity = await identify(dataset, split, used, pseudoLabelled);
  // A run that goes on must come to the preparation it began with; `loadState` compares them.
  const preparation = setting.preparation ?? await preparationFor(setting);
  const info = describe(config, preparation, split, identity);
  // One that was killed before its first checkpoint has nothing to go on from: with `once` it starts anew in its place.
  const isBegun = opened && (resumeFrom !== undefined || await opened.has(lastCheckpoint));
  const resume = isBegun
    ? await loadState(opened.path, info, identity, { once, isPretraining: method.isPretraining ?? false })
    : undefined;
  if (isBegun && once && await opened.has(results)) {
    return { folder: opened.path, run: null, wasFinished: true };
  }
  await checkData({ ...setting, split: used }, method);
  if (setting.mlflow) await requireMlflow(setting.mlflow);
  using created = opened ? undefined : await (once ? makeNew(root, name) : RunFolder.create(root, name));
  const folder = (opened ?? created)!;
  const note = (text: string) => new Progress(setting.progress ?? silent, 1).note(text);
  if (created && created.path !== `${root}/${name}`) {
    note(`${root}/${name} is there already: this run is ${created.path}`);
  }
  if (isBegun) await writeConfig(folder, info, setting);
  else await writeSettings(folder, info, setting, identity);
  await folder.remove(results); // those of a shorter training; who reads them takes the run as finished
  const isStale = resume !== undefined && config.patience > 0 &&
    validationsSinceBest(resume.log) >= config.patience;
  if (isStale) note(`${folder.path} ended early, after ${config.patience} validations that were no better`);
  const goesOn = resume !== undefined && resume.step < config.steps && !isStale;
  for (const file of goesOn ? measuredLater : []) await folder.remove(file);
  const live = await LiveRecord.begin(folder, setting);
  const events = setting.tensorboard ? await EventFile.begin(folder, resume?.log ?? []) : undefined;
  const mlflow = setting.mlflow &&
    await MlflowRun.begin(folder, setting.mlflow, { ...config }, resume?.log ?? []);
  const begin = performance.now() - 1000 * live.secondsBefore();
  const caseMs = new Map<string, number>();
  const run = await train({ ...config, method }, {
    ...setting,
    preparation,
    isChecked: true,
    ...(resume && { resume }),
    stepped: async (log, took) => {
      await live.stepped(log, took);
      await events?.stepped(log);
      await mlflow?.stepped(log);
    },
    validated: (prediction, step) => live.show(prediction, step),
    save: async (state) => {
      await saveState(folder, info, state);
      await live.saved(state.log);
    },
    predicted: async ({ case: id, modality, labels, caseMs: ms }) => {
      caseMs.set(id, ms);
      const grid = await headerOf(setting.dataset, id, modality);
      await writeNifti(`${folder.path}/predictions/${fileName(id, modality)}.nii.gz`, labels, grid);
    },
  }).then(async (run) => {
    if (run) await writeResults(folder, run, taskOf(preparation), (performance.now() - begin) / 1000, caseMs);
    return run;
  }).catch(async (error) => {
    await mlflow?.end("FAILED");
    throw error;
  });
  await mlflow?.end(run ? "FINISHED" : "KILLED");
  return { folder: folder.path, run, wasFinished: false };
}
