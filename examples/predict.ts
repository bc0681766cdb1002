/**
 * Segments one case, or all cases of a data set, with one or more checkpoints and writes label maps on the scans' own
 * grids.
 *
 * ```sh
 * deno task predict --checkpoint runs/cmc-seed0/checkpoints/best.safetensors \
 *   --image ct=scan_ct.nii.gz --image mr=scan_mr.nii.gz --out scan_labels.nii.gz
 * deno task predict --checkpoint A.safetensors --checkpoint B.safetensors --data scans/ --out predictions/
 * ```
 *
 * @module
 */

import {
  type ClassInfo,
  type DataWarning,
  entryPath,
  isLabelled,
  type Preparation,
  type Volume,
} from "../data/mod.ts";
import {
  caseBytes,
  type Ensemble,
  missingModalities,
  type MissingModality,
  openEnsemble,
  predictCase,
  type Predictor,
  Progress,
  useMissingStrategy,
  warmUp,
} from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import {
  type Command,
  deviceChoice,
  deviceOptions,
  errorText,
  main,
  number,
  requiredText,
  type Result,
  text,
  UsageError,
  type Values,
} from "./command.ts";
import { dataOptions, nanPolicyOf, openData, printWarnings } from "./open_data.ts";
import { ownMethod, ownMethodOption } from "./method_options.ts";
import { openChosenDevice } from "./open_device.ts";
import { prepareOutputs } from "./outputs.ts";
import { plannedFiles, type Wanted, writeResults } from "./predict_files.ts";
import { readCheckpoints } from "./read_checkpoints.ts";
import { gridsOf, type Job, jobOfImages, jobsOfDataset } from "./predict_jobs.ts";
import { say, terminal } from "./terminal.ts";

/** The number of `--overlap`. */
function overlapOf(values: Values): number {
  const overlap = number(values, "overlap") ?? 0.5;
  if (overlap >= 0 && overlap < 1) return overlap;
  throw new UsageError(`--overlap ${overlap}: expected a share of at least 0 and below 1, such as 0.5`);
}

/** The axes to mirror along: those of the training, unless `--mirror off`. */
function mirrorAxesOf(values: Values, { mirrorAxes }: Ensemble): readonly number[] {
  const mirror = values.mirror ?? "auto";
  if (mirror === "auto") return mirrorAxes;
  if (mirror === "off") return [];
  throw new UsageError(`--mirror ${mirror}: expected auto or off`);
}

/** What the runtime lets lie before it collects garbage, as measured; small cases need little else. */
const garbageBytes = 48 * 2 ** 20;

/** Says how much memory the largest case will take, before it is read. */
async function announceMemory(
  ensemble: Ensemble,
  jobs: readonly Job[],
  probabilities: boolean,
): Promise<void> {
  await warmUp(ensemble);
  const loaded = Deno.memoryUsage().rss;
  let largest = { id: "", bytes: 0 };
  for (const job of jobs) {
    const grids = await gridsOf(job);
    if (grids === undefined || grids.size === 0) continue;
    try {
      const bytes = caseBytes(ensemble, grids, probabilities);
      if (bytes > largest.bytes) largest = { id: job.id, bytes };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error; // segmenting the case will say so again
    }
  }
  if (largest.bytes === 0) return; // nothing can be read, as will be said
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  say(
    `memory: about ${mib(loaded + largest.bytes + garbageBytes)} at most: ` +
      `${mib(loaded)} with the networks loaded, ${mib(garbageBytes)} to be collected, ` +
      `${mib(largest.bytes)} for ${largest.id}${jobs.length > 1 ? ", the largest case" : ""}`,
  );
}

/** What the networks are of, so that one of other data is not taken for one of these. */
function networksText(members: readonly Predictor[], { modalities, classes }: Preparation): string {
  const trained = new Set(
    members.map(({ info: { config, step } }) => `${config.method} after ${step} steps`),
  );
  const names = (of: readonly { readonly id: string | number; readonly name?: string }[]) =>
    of.map(({ id, name }) => name ?? id).join(", ");
  return `${[...trained].join("; ")}, trained on ${names(modalities)} for ${names(classes)}`;
}

function warnOfClasses(
  ofData: readonly ClassInfo[],
  ofNetwork: readonly ClassInfo[],
  warn: (warning: DataWarning) => void,
): void {
  const text = (classes: readonly ClassInfo[]) => classes.map(({ id, name }) => `${id} ${name}`).join(", ");
  if (ofData.length === 0 || text(ofData) === text(ofNetwork)) return;
  warn({
    code: "predict.classes",
    message: `the data set has the classes ${text(ofData)}; the network was trained for ${text(ofNetwork)}`,
  });
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** What became of a job. */
interface Done {
  readonly case: string;
  /** The label map to trust: of all scans together where there is one. */
  readonly trust: string;
  readonly written: readonly { modality: string | null; file: string }[];
}

/** Whether going on with another case makes sense. */
function isOfTheCase(error: unknown): error is CodedError {
  return error instanceof CodedError && !/^(device|io)\./.test(error.code);
}

function missingOf(values: Values): MissingModality | undefined {
  const word = text(values, "missing");
  const way = missingModalities.find((known) => known === word);
  if (way === word) return way;
  throw new UsageError(`--missing ${word}: expected ${missingModalities.join(", ")}`);
}

/** What `deno task predict` does. */
export const command: Command = {
  name: "predict",
  summary:
    "Segments one case (--image), or all cases of a data set (--data), with one or more checkpoints, whose\n" +
    "probabilities are averaged. Of several scans of a case, a file is written for each, named after its modality,\n" +
    "and, where they share one space, one of all together, named after the case: trust that one. A modality that is\n" +
    "left out is filled in from the others.",
  options: {
    method: ownMethodOption,
    checkpoint: { value: "FILE", multiple: true, help: "best.safetensors of a run; several are averaged" },
    image: {
      value: "MODALITY=FILE",
      multiple: true,
      help: "an image of the case, once for each modality; FILE#channel=N takes one volume of a 4-D file",
    },
    data: { value: "DIR|FILE", help: "data set to segment: its manifest, or folder with a dataset.json" },
    recipe: dataOptions.recipe,
    modalities: dataOptions.modalities,
    out: { value: "FILE|DIR", help: "label map to write (.nii or .nii.gz); with --data, the folder for all" },
    overwrite: {
      help: "replace files that are there; with --data, cases that are done are left out otherwise",
    },
    nan: dataOptions.nan,
    probabilities: { help: "also write the probability of each class" },
    overlays: { help: "also write pictures (PNG) of the scans with the label maps over them" },
    missing: {
      value: "WAY",
      help: `what stands for a missing image: ${missingModalities.join(", ")}; as trained when absent`,
    },
    overlap: { value: "SHARE", help: "share of a window that its neighbour covers again (0.5)" },
    mirror: {
      value: "WHEN",
      help: "auto: average mirrored views if all networks were trained on such (8 times the work); or off",
    },
    ...deviceOptions,
  },
  examples: [
    "--checkpoint runs/cmc-seed0/checkpoints/best.safetensors --image ct=ct.nii.gz --out labels.nii.gz",
    "--checkpoint a.safetensors --checkpoint b.safetensors --data scans/ --out predictions/",
  ],
  async run(values): Promise<Result> {
    const out = requiredText(values, "out"), overlap = overlapOf(values), warn = printWarnings();
    const missing = missingOf(values);
    const choice = deviceChoice(values), nanPolicy = nanPolicyOf(values), threads = number(values, "threads");
    const dataset = await openData(values, warn);
    if ((dataset === undefined) === (values.image === undefined)) {
      throw new UsageError(
        dataset ? "--image and --data are both given" : "--image is missing",
        "Give --image MODALITY=FILE for each scan of one case, or --data DIR for many cases.",
      );
    }
    const single = dataset === undefined ? jobOfImages(values, out, nanPolicy, warn) : undefined;
    const checkpoints = await readCheckpoints(values);
    using device = await openChosenDevice(choice, threads);
    const method = await ownMethod(values);
    using ensemble = openEnsemble(checkpoints, device, method);
    const members = ensemble.groups.flatMap((group) => group.members);
    if (missing) { for (const { segment } of members) useMissingStrategy(segment.network, missing); }
    const { modalities, classes, aligned } = ensemble.preparation;
    say(networksText(members, ensemble.preparation));
    if (dataset) warnOfClasses(dataset.classes, classes, warn);
    const mirrorAxes = mirrorAxesOf(values, ensemble), probabilities = values.probabilities === true;
    const wanted: Wanted = {
      ending: single?.ending ?? ".nii.gz",
      probabilities,
      overlays: values.overlays === true,
      classes,
    };
    const jobs = single ? [single.job] : jobsOfDataset(dataset!, out, modalities.map(({ id }) => id));
    const planned = new Map(jobs.map((job) => [job, plannedFiles(job, aligned, wanted)]));
    const inputs = jobs.flatMap(({ files }) => [...files.values()].map(({ path }) => path));
    // Label maps of the data set are not read, but they are what somebody drew.
    const drawn =
      dataset?.cases.filter(isLabelled).flatMap(({ labels }) =>
        Object.values(labels).map((entry) => entryPath(dataset.root, entry).path)
      ) ?? [];
    await prepareOutputs([...planned.values()].flat(), [...inputs, ...drawn, ...checkpoints.keys()]);
    const skipped: string[] = [], failed: { case: string; code: string; message: string }[] = [];
    const done: Done[] = [], toDo: Job[] = [], kept = new Map<Job, ReadonlySet<string>>();
    for (const job of jobs) {
      const files = planned.get(job)!, areThere = await Promise.all(files.map(isThere));
      if (single && !values.overwrite && areThere.includes(true)) {
        throw new CodedError("io.exists", `${files[areThere.indexOf(true)]} is there already`, {
          fix: "Choose another name with --out, or replace it with --overwrite.",
        });
      }
      if (!values.overwrite && files.length > 0 && areThere.every(Boolean)) skipped.push(job.id);
      else toDo.push(job);
      // What an earlier call left of a case stays: another network's, or corrected by hand, for all that is known.
      kept.set(job, new Set(values.overwrite ? [] : files.filter((_, at) => areThere[at])));
    }
    if (toDo.length > 0) await announceMemory(ensemble, toDo, probabilities);

    const progress = new Progress(terminal, toDo.length);
    for (const [at, job] of toDo.entries()) {
      const what = single ? "segmenting" : `case ${at + 1} of ${toDo.length}, ${job.id}`;
      try {
        const scans = await job.load();
        const volumes = new Map(
          [...scans].map(([id, { volume }]): [string, Volume<Float32Array>] => [id, volume]),
        );
        const segmentations = await predictCase(ensemble, volumes, {
          probabilities,
          overlap,
          mirrorAxes,
          names: new Map([...job.files].map(([id, { path }]) => [id, path])),
          progress: (share) =>
            progress.busy(`${what}: ${Math.round(100 * share)} %`, (at + share) / toDo.length),
        });
        const left = kept.get(job)!;
        const written = await writeResults(job, scans, segmentations, wanted, left);
        if (left.size > 0) {
          progress.clear();
          say(`case ${job.id}: left as they were: ${[...left].join(", ")}`);
        }
        done.push({ case: job.id, trust: written[0]!.file, written });
      } catch (error) {
        if (single || !isOfTheCase(error)) throw error;
        failed.push({ case: job.id, code: error.code, message: error.message });
        progress.clear();
        say(`case ${job.id}: ${errorText(error)}`);
      }
    }
    progress.clear();
    if (single) {
      const [{ trust, written }] = done as [Done];
      return { text: written.map(({ file }) => file).join("\n"), json: { trust, written } };
    }
    return {
      text: report(done, skipped, failed),
      json: { cases: done, skipped, failed },
      exitCode: failed.length > 0 ? 1 : 0,
    };
  },
};

function report(
  done: readonly Done[],
  skipped: readonly string[],
  failed: readonly { case: string; message: string }[],
): string {
  const lines = [
    `${done.length} cases segmented, ${skipped.length} were there already, ${failed.length} failed`,
  ];
  for (const { case: id, message } of failed) lines.push(`  ${id}: ${message}`);
  const fused = done.find(({ written }) => written.some(({ modality }) => modality === null));
  if (fused !== undefined) {
    const other = fused.written.find(({ modality }) => modality !== null)!;
    lines.push(
      `trust the files named after the cases alone, such as ${fused.trust}: all scans together;`,
      `the others, such as ${other.file}, show what one scan says`,
    );
  }
  return lines.join("\n");
}

if (import.meta.main) await main(command);
