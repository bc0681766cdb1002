/**
 * The launcher `slurm` of a sweep: submits a job array, and asks the queue about it. Needs `--allow-run` of `sbatch`,
 * `squeue` and `sacct`.
 *
 * @module
 */

import { decodeText, parseJson } from "../data/json.ts";
import { writeAtomically } from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import {
  type CellPlace,
  cellsEnded,
  cellsInQueue,
  parseJob,
  parseJobs,
  sacctArguments,
  type SlurmJob,
  slurmScript,
  squeueArguments,
  type SweepFolder,
} from "../model/sweep/mod.ts";
import { number, type Result, type Values } from "./command.ts";
import { noQueue, type Queue, reportsOf, statusResult } from "./sweep_status.ts";
import { say } from "./terminal.ts";

/** Runs a command of Slurm. */
async function ask(
  command: string,
  args: readonly string[],
): Promise<{ code: number; out: string; error: string }> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), error: decoder.decode(stderr).trim() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new CodedError("sweep.slurm", `there is no command ${command} here`, {
      cause,
      fix: "Run it where Slurm is, or choose another --launcher.",
    });
  }
}

/** The arrays that were submitted for a sweep. */
async function jobsOf(folder: string): Promise<SlurmJob[]> {
  const path = `${folder}/slurm/jobs.json`;
  try {
    return parseJobs(parseJson(decodeText(await Deno.readFile(path), path), path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What Slurm says about a sweep's cells; nothing when none was submitted. */
export async function slurmQueue(folder: string): Promise<Queue> {
  const jobs = await jobsOf(folder);
  if (jobs.length === 0) return noQueue;
  const queue = await ask("squeue", squeueArguments);
  if (queue.code !== 0) {
    throw new CodedError("sweep.slurm", `squeue: ${queue.error}`, { fix: "Is the controller of Slurm up?" });
  }
  const accounts = await ask("sacct", sacctArguments(jobs));
  if (accounts.code !== 0) {
    say(`warning[sweep.slurm]: sacct: ${accounts.error}; how tasks ended is not known`);
  }
  return {
    waiting: cellsInQueue(jobs, queue.out),
    ended: cellsEnded(jobs, accounts.code === 0 ? accounts.out : ""),
  };
}

/** Submits all cells that are neither done nor in the queue. */
export async function submit(
  { folder, cells, sweep }: SweepFolder,
  values: Values,
  place: CellPlace,
): Promise<Result> {
  const queue = await slurmQueue(folder);
  const reports = await reportsOf(folder, cells, queue);
  const open = reports.filter(({ state }) => state !== "done" && state !== "queued" && state !== "running")
    .map(({ cell }) => cell);
  if (open.length === 0) return await statusResult(folder, cells, queue);
  const jobs = await jobsOf(folder), script = `${folder}/slurm/array-${jobs.length + 1}.sh`;
  await Deno.mkdir(`${folder}/slurm`, { recursive: true });
  await writeAtomically(
    script,
    slurmScript(open, {
      name: sweep.name ?? "sweep",
      slurm: sweep.slurm,
      deno: Deno.execPath(),
      place,
      throttle: number(values, "jobs"),
    }),
  );
  const { code, out, error } = await ask("sbatch", ["--parsable", script]);
  if (code !== 0) {
    throw new CodedError("sweep.slurm", `sbatch: ${error}`, { fix: `Correct "slurm" in the sweep's file.` });
  }
  const job = { job: parseJob(out), cells: open.map(({ name }) => name) };
  await writeAtomically(`${folder}/slurm/jobs.json`, `${JSON.stringify([...jobs, job], null, 2)}\n`);
  say(`array ${job.job}: ${open.length} cells; deno task sweep status ${folder}`);
  return await statusResult(folder, cells, await slurmQueue(folder));
}
