import type { CaseRecord } from "../metrics/case_record.ts";
import type { CalibrationCounts } from "../metrics/calibration.ts";
import { parseCalibrationCsv } from "./calibration_csv.ts";
import { parseCaseCsv } from "./case_csv.ts";
import type { RunCosts } from "../tables/costs.ts";
import { EvalError } from "../errors.ts";
import { type RunRecord, tagRecords } from "../statistics/run_record.ts";
import { type LogRow, parseLog } from "./log.ts";
import type { MissingRecord } from "../tables/missing_modalities.ts";
import type { RobustnessRecord } from "../tables/robustness.ts";

/** What a finished run left in its folder, predictions aside. */
export interface RunResults {
  /** Name of the run: that of its folder. */
  readonly name: string;
  /** Method as tables name it: `methodLabel` of the settings, or `method` where they have none. */
  readonly method: string;
  /** The label ratio: of the training subjects that have labels, the share whose labels were used. */
  readonly label_ratio: number;
  /** Seed. */
  readonly seed: number;
  /** The resolved settings, `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Case ids of each part, `split.json`. */
  readonly split: Readonly<Record<string, unknown>>;
  /** Versions and device, `env.json`. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Training log. */
  readonly log: readonly LogRow[];
  /** Test records, `cases.csv`; none when the split has no test case. */
  readonly records: readonly CaseRecord[];
  /** Test records of the last parameters, `cases_last.csv`; empty where the training did not keep both. */
  readonly lastRecords: readonly CaseRecord[];
  /** Records on misaligned input, `robustness.csv`; empty when that was not run. */
  readonly robustness: readonly RobustnessRecord[];
  /** Records with modalities left out, `missing_modalities.csv`; empty when that was not run. */
  readonly missingModalities: readonly MissingRecord[];
  /** Calibration counts by modality, `calibration.csv`; empty when that was not measured. */
  readonly calibration: ReadonlyMap<string, CalibrationCounts>;
  /** Costs, from `metrics.json`. */
  readonly costs: RunCosts;
  /** Of a sweep's run, the settings that the sweep gives several values; the method's name says them too. */
  readonly varied?: Readonly<Record<string, unknown>>;
}

/** A run as a table of others names it, its records of worse input and of missing modalities too. */
export function renamed(
  run: RunResults,
  { name = run.name, method = run.method, label_ratio = run.label_ratio }: Partial<
    Pick<RunResults, "name" | "method" | "label_ratio">
  >,
): RunResults {
  const named = <R extends RunRecord>(record: R): R => ({ ...record, run: name, method, label_ratio });
  return {
    ...run,
    name,
    method,
    label_ratio,
    robustness: run.robustness.map(named),
    missingModalities: run.missingModalities.map(named),
  };
}

/** The test records of runs, each with its run. */
export function recordsOf(runs: readonly RunResults[]): RunRecord[] {
  return runs.flatMap((run) => {
    const { labelled } = run.split;
    const count = Array.isArray(labelled) ? { labelled: labelled.length } : {};
    return tagRecords(run.records, { ...run, run: run.name, ...count });
  });
}

/** The files of a run folder that a report reads. */
export const runFiles: readonly string[] = [
  "config.json",
  "split.json",
  "env.json",
  "metrics.json",
  "log.csv",
  "cases.csv",
  "cases_last.csv",
  "robustness.csv",
  "missing_modalities.csv",
  "calibration.csv",
];

/**
 * Reads a run folder.
 *
 * @throws {EvalError} `report.folder` for what is no run folder, `report.unfinished` for a run without results,
 *   `report.run` when a file is damaged; each with the file and what to do
 */
export async function readRunFolder(folder: string): Promise<RunResults> {
  const path = folder.replace(/\/+$/, "");
  const config = await readJson(path, "config.json"), split = await readJson(path, "split.json");
  const metrics = await readJson(path, "metrics.json");
  const seed = config.seed;
  if (typeof seed !== "number") {
    throw new EvalError(
      "report.run",
      `${path}/config.json: seed is ${JSON.stringify(seed)}; expected a number`,
      {
        fix: "Give the folder of a run made by `deno task train`.",
      },
    );
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  const run = {
    run: name,
    method: String(config.methodLabel ?? config.method),
    label_ratio: labelRatio(path, split),
    seed,
  };
  const last = await readText(path, "cases_last.csv", "");
  const robustness = await readText(path, "robustness.csv", "");
  const calibration = await readText(path, "calibration.csv", "");
  const missingModalities = await readText(path, "missing_modalities.csv", "");
  return {
    name,
    method: run.method,
    label_ratio: run.label_ratio,
    seed,
    config,
    split,
    environment: await readJson(path, "env.json"),
    log: parseLog(await readText(path, "log.csv"), `${path}/log.csv`),
    // A training whose split has no test case says so in metrics.json.
    records: metrics.test === null
      ? []
      : parseCaseCsv(await readText(path, "cases.csv"), `${path}/cases.csv`),
    lastRecords: last === "" ? [] : parseCaseCsv(last, `${path}/cases_last.csv`),
    robustness: robustness === ""
      ? []
      : parseCaseCsv(robustness, `${path}/robustness.csv`).map((record) =>
        ({ ...record, ...run }) as RobustnessRecord
      ),
    missingModalities: missingModalities === ""
      ? []
      : parseCaseCsv(missingModalities, `${path}/missing_modalities.csv`).map((record) =>
        ({ strategy: "", ...record, ...run }) as MissingRecord
      ),
    calibration: calibration === ""
      ? new Map<string, CalibrationCounts>()
      : parseCalibrationCsv(calibration, `${path}/calibration.csv`),
    costs: costsOf(metrics.cost),
  };
}

async function readText(folder: string, file: string, absent?: string): Promise<string> {
  try {
    return await Deno.readTextFile(`${folder}/${file}`);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    if (!(cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory)) {
      throw new EvalError("report.run", `${folder}/${file} cannot be read: ${(cause as Error).message}`, {
        cause,
        fix: "Check the permissions of the folder and its files.",
      });
    }
    if (absent !== undefined) return absent;
    const isRun = file !== "config.json";
    throw new EvalError(isRun ? "report.unfinished" : "report.folder", `${folder} has no ${file}`, {
      cause,
      fix: isRun
        ? "The run is not finished; `deno task train --resume` finishes it."
        : "Give the folder of a run made by `deno task train`.",
    });
  }
}

async function readJson(folder: string, file: string): Promise<Record<string, unknown>> {
  const text = await readText(folder, file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvalError("report.run", `${folder}/${file} is no JSON: ${(cause as Error).message}`, {
      cause,
      fix: "The file is damaged; run the training again.",
    });
  }
}

function labelRatio(
  path: string,
  { labelled, unlabelled, labelRatio: stored }: Readonly<Record<string, unknown>>,
): number {
  if (typeof stored === "number") return stored;
  if (!Array.isArray(labelled) || !Array.isArray(unlabelled) || labelled.length === 0) {
    throw new EvalError(
      "report.run",
      `${path}/split.json: expected lists of case ids "labelled" and "unlabelled"`,
      {
        fix: "Give the folder of a run made by `deno task train`.",
      },
    );
  }
  // Folders from before the ratio was stored: their trainings took every case as one that has labels.
  return labelled.length / new Set([...labelled, ...unlabelled]).size;
}

function costsOf(cost: unknown): RunCosts {
  const given = (cost ?? {}) as Record<string, unknown>;
  const pick = (...names: string[]): number | null => {
    const value = names.map((name) => given[name]).find((v) => typeof v === "number");
    return (value as number | undefined) ?? null;
  };
  return {
    parameters: pick("parameters"),
    multiply_adds: pick("multiplyAdds"),
    peak_bytes: pick("measuredPeakBytes", "peakBytes"),
    train_seconds: pick("seconds"),
    inference_ms: pick("inferenceMs"),
  };
}
