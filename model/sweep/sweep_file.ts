/**
 * The file that describes a sweep: methods, label ratios, seeds, folds and settings, of which every combination is
 * trained.
 *
 * @module
 */

import { decodeText, parseJson } from "../../data/json.ts";
import { CodedError } from "../../tensor/errors.ts";
import { z } from "../deps.ts";
import { readFile } from "../run/read_json.ts";

const settings = z.record(z.string(), z.unknown());
const count = z.int().positive();
const words = z.string().min(1);

const slurm = z.strictObject({
  partition: words.optional(),
  account: words.optional(),
  time: z.string().regex(/^(\d+-)?\d+(:\d\d){0,2}$/, "expected D-HH:MM:SS, HH:MM:SS or minutes").optional(),
  cpus: count.optional(),
  memory: words.optional(),
  gres: words.optional(),
  warnSeconds: count.default(120),
  more: z.array(z.string().startsWith("--")).default([]),
});

const kubernetes = z.strictObject({
  image: words.default("denoland/deno:2.9.6"),
  claim: words,
  cpus: words.optional(),
  memory: words.optional(),
  limits: z.record(z.string(), z.string()).default({}),
});

const schema = z.strictObject({
  name: words.optional(),
  settings: settings.default({}),
  methods: z.array(
    z.union([words, z.looseObject({ name: words.optional(), method: words })]),
  ).nonempty(),
  labelRatios: z.array(z.union([z.number(), z.string()])).nonempty().optional(),
  labelled: z.array(count).nonempty().optional(),
  seeds: z.array(z.int().nonnegative()).nonempty().default([0]),
  folds: z.int().min(2).optional(),
  grid: z.record(z.string(), z.array(z.unknown()).nonempty()).default({}),
  baseline: words.optional(),
  slurm: slurm.prefault({}),
  kubernetes: kubernetes.optional(),
});

/** A method of a sweep: its name in tables, and settings that only it has. */
export interface SweepMethod {
  /** Name in tables; the method's when absent. */
  readonly name?: string | undefined;
  /** The method, or a module with one. */
  readonly method: string;
  /** Settings over those of all cells. */
  readonly [setting: string]: unknown;
}

/** How a Slurm cluster is asked; what is left out is the cluster's own default. */
export interface SlurmSettings {
  /** Partition. */
  readonly partition?: string | undefined;
  /** Account that is charged. */
  readonly account?: string | undefined;
  /** Longest time of one attempt, such as `04:00:00`; a cell that needs more is requeued and goes on. */
  readonly time?: string | undefined;
  /** Processors of a cell, which are its threads. */
  readonly cpus?: number | undefined;
  /** Memory of a cell, such as `8G`. */
  readonly memory?: string | undefined;
  /** Other resources, such as `gpu:1`. */
  readonly gres?: string | undefined;
  /** Seconds before the time limit at which a cell is told to save. */
  readonly warnSeconds: number;
  /** More options of sbatch, as they are written. */
  readonly more: readonly string[];
}

/** How a Kubernetes cluster is asked. */
export interface KubernetesSettings {
  /** Image that has Deno. */
  readonly image: string;
  /** Persistent volume claim, mounted where the sweep's folder lies. */
  readonly claim: string;
  /** Processors of a cell. */
  readonly cpus?: string | undefined;
  /** Memory of a cell. */
  readonly memory?: string | undefined;
  /** Other limits, such as `nvidia.com/gpu`. */
  readonly limits: Readonly<Record<string, string>>;
}

/** A sweep as its file describes it. */
export interface Sweep {
  /** Its name; that of the file when absent. */
  readonly name?: string | undefined;
  /** Settings of all cells, as in a run's `config.json`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The methods, each by name or with settings of its own. */
  readonly methods: readonly (string | SweepMethod)[];
  /** Shares of the training subjects with labels. */
  readonly labelRatios?: readonly (number | string)[] | undefined;
  /** Numbers of labelled training subjects, instead of shares. */
  readonly labelled?: readonly number[] | undefined;
  /** Seeds of the trainings. */
  readonly seeds: readonly number[];
  /** Into how many parts the subjects are divided, each of which is tested once. */
  readonly folds?: number | undefined;
  /** Values of further settings; every combination is a row of its own. */
  readonly grid: Readonly<Record<string, readonly unknown[]>>;
  /** The row that the others are compared with; the first when absent. */
  readonly baseline?: string | undefined;
  /** For the launcher `slurm`. */
  readonly slurm: SlurmSettings;
  /** For the launcher `print`, as a Kubernetes job. */
  readonly kubernetes?: KubernetesSettings | undefined;
}

function refuse(where: string, what: string, fix: string): never {
  throw new CodedError("sweep.file", `${where}: ${what}`, { fix });
}

/**
 * Checks the description of a sweep.
 *
 * @param where what to name in errors
 * @throws {CodedError} `sweep.file` with the place of the first problem
 */
export function parseSweep(value: unknown, where = "the sweep"): Sweep {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue!.path.map(String).join(".");
    refuse(where, `${path === "" ? "" : `${path}: `}${issue!.message}`, "Correct the file.");
  }
  const sweep = parsed.data as Sweep;
  if (sweep.labelRatios && sweep.labelled) {
    refuse(where, "labelRatios and labelled are alternatives", "Give one of them.");
  }
  if (sweep.settings.split !== undefined && (sweep.labelRatios ?? sweep.labelled ?? sweep.folds)) {
    refuse(
      where,
      "the split of the settings decides who is labelled and who is tested",
      "Leave it out, or labelRatios, labelled and folds.",
    );
  }
  return sweep;
}

/**
 * Reads the file of a sweep.
 *
 * @throws {CodedError} `io.*` when it cannot be read, `sweep.file` when it describes none
 */
export async function readSweep(path: string): Promise<Sweep> {
  const bytes = await readFile(path, "Give a file that describes a sweep, or a folder of one.");
  return parseSweep(parseJson(decodeText(bytes, path), path), path);
}
