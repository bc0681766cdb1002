/**
 * A training whose every result is in a folder: settings, log, checkpoints, tables, plots, predictions.
 *
 * @module
 */

import { createHash } from "node:crypto";
import settings from "../../deno.json" with { type: "json" };
import { resolve } from "node:path";
import {
  caseOf,
  type Dataset,
  type FileDataset,
  fileName,
  hashSplit,
  labelRatio,
  type NiftiHeader,
  readNiftiHeader,
  type Split,
  volumePath,
  writeNifti,
} from "../../data/mod.ts";
import { caseCsv, classBoxPlot, learningCurves, parseLog, summarise, table } from "../../eval/mod.ts";
import { requireStored } from "../../tensor/device.ts";
import {
  type CheckpointInfo,
  decodeCheckpoint,
  encodeCheckpoint,
  requireSameTraining,
} from "./checkpoint.ts";
import { resolveConfig, type TrainConfig, type TrainOptions } from "./config.ts";
import { costOf } from "./cost.ts";
import { logCsv } from "./log_csv.ts";
import { RunFolder } from "./run_folder.ts";
import { train, type TrainedRun, type TrainSetting, type TrainState } from "./train.ts";

/** Where the folder goes. */
export interface FolderSetting extends Omit<TrainSetting, "save" | "resume" | "predicted"> {
  /** Folder of all runs. */
  readonly root: string;
  /** Name of this run's folder in it; a number is added when it is taken. */
  readonly name: string;
  /** Folder of an earlier run to go on with, instead of a new one. */
  readonly resumeFrom?: string;
}

/** What became of it. */
export interface FolderRun {
  /** Path of the folder. */
  readonly folder: string;
  /** The finished run, or null when it was interrupted and saved. */
  readonly run: TrainedRun | null;
}

const splitHash = (split: Split) => createHash("sha256").update(JSON.stringify(split)).digest("hex");

async function loadState(path: string, now: CheckpointInfo): Promise<TrainState> {
  const last = decodeCheckpoint(await Deno.readFile(`${path}/checkpoints/last.safetensors`));
  requireSameTraining(last.info, now);
  const { step } = last.info;
  const rows = parseLog(await Deno.readTextFile(`${path}/log.csv`));
  let best: TrainState["best"] = null;
  if (last.info.best !== null) {
    // After a crash between the two files this one may be newer; the resumed run then reaches the same score again.
    const saved = decodeCheckpoint(await Deno.readFile(`${path}/checkpoints/best.safetensors`));
    best = { step: saved.info.step, dice: saved.info.best!, network: saved.network };
  }
  return {
    step,
    network: last.network,
    optimizer: last.optimizer,
    best,
    log: rows.filter((row) => row.step <= step),
  };
}

function describe(config: TrainConfig, { dataset, split, prepare }: FolderSetting): CheckpointInfo {
  return {
    config,
    modalities: dataset.modalities.map(({ id, kind }) => ({ id, kind })),
    classes: dataset.classes.map(({ id, name }) => ({ id, name })),
    aligned: dataset.aligned,
    spacing: prepare?.spacing ?? null,
    step: 0,
    best: null,
    split: splitHash(split),
  };
}

async function writeSettings(folder: RunFolder, config: TrainConfig, setting: FolderSetting): Promise<void> {
  const { dataset, split, device } = setting;
  const { name, modalities, classes, paired, aligned } = dataset;
  // A generated data set can be made again from its recipe; one in files is found where it lies.
  const source = "root" in dataset ? {} : { source: dataset.source };
  await folder.writeJson("config.json", {
    ...config,
    dataset: { name, modalities, classes, paired, aligned, ...source },
  });
  const files = "root" in dataset ? { files: await hashSplit(dataset as FileDataset, split) } : {};
  await folder.writeJson("split.json", {
    ...split,
    labelRatio: labelRatio(dataset, split),
    sha256: splitHash(split),
    ...files,
  });
  await folder.writeJson("env.json", {
    version: settings.version,
    deno: Deno.version,
    platform: Deno.build.target,
    device: device.description,
  });
}

async function saveState(folder: RunFolder, info: CheckpointInfo, state: TrainState): Promise<void> {
  const now = { ...info, step: state.step, best: state.best?.dice ?? null };
  // The best first: `last` names its score, so it must be there when `last` is.
  if (state.best) {
    const bytes = encodeCheckpoint({ ...now, step: state.best.step }, state.best.network);
    await folder.write("checkpoints/best.safetensors", bytes);
  }
  await folder.write("log.csv", logCsv(state.log));
  await folder.write("checkpoints/last.safetensors", encodeCheckpoint(now, state.network, state.optimizer));
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
  seconds: number,
  caseMs: ReadonlyMap<string, number>,
): Promise<void> {
  const { config, test, log, best, waitedMs } = run;
  const layout = { rows: ["modality", "class"], columns: testColumns } as const;
  const columns = log.flatMap((row) => Object.keys(row));
  const losses = [...new Set(columns)].filter((name) => !["step", "lr", "gradient_norm"].includes(name));
  await folder.write("cases.csv", caseCsv(test));
  await folder.write("tables/test.md", table(test, layout));
  await folder.write("tables/test.csv", table(test, { ...layout, format: "csv" }));
  await folder.write("plots/learning_curves.svg", learningCurves(log, { columns: losses }));
  await folder.write("plots/dice.svg", classBoxPlot(test, { metric: "dice" }));
  await folder.write("plots/assd.svg", classBoxPlot(test, { metric: "assd_mm" }));
  const task = {
    modalities: new Set(test.map(({ modality }) => modality)).size,
    classes: run.segment.classes,
  };
  await folder.writeJson("metrics.json", {
    best: { step: best.step, val_dice: best.dice },
    test: { ...summarise(test), cases: test },
    cost: {
      ...await costOf(config, task),
      seconds,
      inferenceMs: [...caseMs.values()].reduce((sum, ms) => sum + ms, 0) / caseMs.size,
      secondsWaitedForData: waitedMs / 1000,
      measuredPeakBytes: run.device.stats().peakBytes,
    },
  });
}

/**
 * Trains in a new folder, or goes on in the folder of an interrupted run.
 *
 * @throws {CodedError} what {@link train} throws, among it `dtype.unsupported`; `run.*`, `resume.mismatch` and `io.*` for the folder
 */
export async function trainInFolder(options: TrainOptions, setting: FolderSetting): Promise<FolderRun> {
  const config = resolveConfig(options);
  requireStored(setting.device, config.storage); // before there is a folder
  const info = describe(config, setting);
  const { resumeFrom, root, name } = setting;
  const resume = resumeFrom === undefined ? undefined : await loadState(resumeFrom, info);
  using folder = resumeFrom === undefined
    ? await RunFolder.create(root, name)
    : await RunFolder.open(resumeFrom);
  if (!resume) await writeSettings(folder, config, setting);
  const begin = performance.now();
  const caseMs = new Map<string, number>();
  const run = await train(config, {
    ...setting,
    ...(resume && { resume }),
    save: (state) => saveState(folder, info, state),
    predicted: async ({ case: id, modality, labels, caseMs: ms }) => {
      caseMs.set(id, ms);
      const grid = await headerOf(setting.dataset, id, modality);
      await writeNifti(`${folder.path}/predictions/${fileName(id, modality)}.nii.gz`, labels, grid);
    },
  });
  if (run) await writeResults(folder, run, (performance.now() - begin) / 1000, caseMs);
  return { folder: folder.path, run };
}
