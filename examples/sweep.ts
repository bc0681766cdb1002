/**
 * Trains every combination of methods, label ratios, seeds, folds and settings that a file describes.
 *
 * ```sh
 * deno task sweep comparison.json --jobs 2
 * deno task sweep status runs/comparison
 * deno task sweep collect runs/comparison
 * ```
 *
 * `status`, `collect` and `--tell` start nothing: `--allow-read` is enough for them, and for `collect` `--allow-write` of
 * the sweep's folder. To start trainings it needs `--allow-run=deno`, and `--allow-sys=systemMemoryInfo` to look at the
 * free memory first; with Slurm `--allow-run=sbatch,squeue,sacct` instead.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  cellLine,
  type CellPlace,
  collectSweep,
  kubernetesJob,
  readSweepFolder,
  shellWord,
  type SweepFolder,
  trialResults,
  writeSweepFolder,
} from "../model/sweep/mod.ts";
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
import { openSweep } from "./sweep_cells.ts";
import { collect } from "./sweep_collect.ts";
import { runHere } from "./sweep_local.ts";
import { slurmQueue, submit } from "./sweep_slurm.ts";
import { followStatus, reportsOf } from "./sweep_status.ts";

/** The program that trains a cell, as `deno run` takes it. */
const train = new URL("train.ts", import.meta.url);
const program = train.protocol === "file:" ? fileURLToPath(train) : train.href;

const launchers = ["local", "slurm", "print"] as const;

function oneOf<T extends string>(values: Values, name: string, words: readonly [T, ...T[]]): T {
  const word = text(values, name) ?? words[0];
  const found = words.find((known) => known === word);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} ${word}: expected ${words.join(", ")}`);
}

/** The commands of cells, for whatever runs them. */
function printed({ folder, sweep, cells }: SweepFolder, values: Values, place: CellPlace): Result {
  if (oneOf(values, "as", ["commands", "kubernetes"]) === "kubernetes") {
    const { name = "sweep", kubernetes } = sweep;
    const job = kubernetesJob(cells, { name, kubernetes, place, throttle: number(values, "jobs") });
    return { text: JSON.stringify(job, null, 2), json: job };
  }
  const lines = cells.map((cell) => cellLine(shellWord(Deno.execPath()), cell, place));
  return { text: lines.join("\n"), json: { folder, commands: lines } };
}

/** What the trials reached, for the optimiser that asked for them. */
async function told({ folder, cells }: SweepFolder): Promise<Result> {
  const trials = trialResults(await reportsOf(folder, cells, await slurmQueue(folder)));
  return { text: JSON.stringify(trials, null, 2), json: trials };
}

async function launch(sweep: SweepFolder, values: Values): Promise<Result> {
  const device = deviceChoice(values), launcher = oneOf(values, "launcher", launchers);
  const isFast = values.fast === true;
  if (isFast && device === "webgpu") {
    throw new UsageError("--fast is a mode of the cpu device", "Leave it out, or give --device cpu.");
  }
  const place = { program, folder: sweep.folder, device, threads: number(values, "threads"), isFast };
  await writeSweepFolder(sweep);
  if (launcher === "slurm") return await submit(sweep, values, place);
  const open = (await reportsOf(sweep.folder, sweep.cells)).filter(({ state }) => state !== "done");
  if (launcher === "print") return printed({ ...sweep, cells: open.map(({ cell }) => cell) }, values, place);
  const result = await runHere(sweep, values, place);
  const { runs } = await collectSweep(sweep);
  if (values.tell === true || runs.length === 0) return result;
  const { text, json } = await collect(sweep, values);
  return {
    ...result,
    text: `${result.text}\n\n${text}`,
    json: { ...result.json as object, collected: json },
  };
}

/** What `deno task sweep` does. */
export const command: Command = {
  name: "sweep",
  summary:
    "Trains every combination of methods, label ratios, seeds, folds and settings that a file describes.\n" +
    "Given again, it leaves what is done and goes on with what was cut off. `sweep status DIR` shows where it is,\n" +
    "`sweep collect DIR` makes tables, plots and a report of what is there, and names what is missing; so does the\n" +
    "launcher `local` at its end.",
  positional: "FILE | status DIR | collect DIR",
  options: {
    launcher: {
      value: "NAME",
      help: "local: processes here; slurm: a job array; print: the commands, for anything else",
      default: "local",
    },
    jobs: { value: "N", help: "processes or tasks at a time", default: "1; with slurm as many as it gives" },
    as: {
      value: "FORM",
      help: "what print prints: commands, or kubernetes, an Indexed Job",
      default: "commands",
    },
    set: { value: "NAME=VALUE", multiple: true, help: "a setting of all cells, over that of the file" },
    ask: { value: "FILE", help: "train these trials: a list of { id, settings } that an optimiser wrote" },
    tell: { help: "print what the trials reached in validation, as JSON; without --ask nothing is started" },
    out: {
      value: "DIR",
      help: "where the sweep's folder goes; it has the name of the sweep",
      default: "runs",
    },
    baseline: {
      value: "ROW",
      help: "for collect: the row to compare with, or a method: its row of the same settings",
      default: "that of the file, or the first method",
    },
    device: deviceOptions.device,
    fast: { help: "the cpu device in its fast mode, as deno task fast; sums may round otherwise" },
    threads: {
      ...deviceOptions.threads,
      help: "threads of each process",
      default: "all cores divided by the jobs; with slurm its cpus",
    },
  },
  examples: ["comparison.json --jobs 2", "collect runs/comparison"],
  async run(values, positionals): Promise<Result> {
    const [first, second] = positionals;
    if (first === undefined) throw new UsageError("no file is named", "See --help.");
    if (first === "status" && second !== undefined) {
      const { folder, cells } = await readSweepFolder(second);
      return await followStatus(folder, cells, () => slurmQueue(folder));
    }
    if (first === "collect" && second !== undefined) {
      return await collect(await readSweepFolder(second), values);
    }
    if (positionals.length > 1) throw new UsageError(`one file is expected, not ${positionals.join(" ")}`);
    const sweep = await openSweep(first, values);
    if (values.tell !== true) return await launch(sweep, values);
    if (values.ask === undefined) return await told(await readSweepFolder(sweep.folder));
    const { exitCode } = await launch(sweep, values);
    return { ...await told(sweep), ...(exitCode !== undefined && { exitCode }) };
  },
};

if (import.meta.main) await main(command);
