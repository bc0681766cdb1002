/**
 * A sweep on a Slurm cluster: the script of a job array, and what the queue says about its tasks. Slurm does the
 * scheduling; a task trains its cell once, however often it is started.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { z } from "../deps.ts";
import { cellLine, type CellPlace, shellWord } from "./cell_command.ts";
import type { Cell } from "./cells.ts";
import type { SlurmSettings } from "./sweep_file.ts";

/** A submitted array: task N trains the N-th cell. */
export interface SlurmJob {
  /** Number of the array. */
  readonly job: string;
  /** Names of its cells. */
  readonly cells: readonly string[];
}

/** What an array is made of. */
export interface ArraySetting {
  /** Name of the job. */
  readonly name: string;
  /** How the cluster is asked. */
  readonly slurm: SlurmSettings;
  /** The program deno. */
  readonly deno: string;
  /** Where and with what a cell is computed. */
  readonly place: CellPlace;
  /** Tasks at a time; as many as the cluster gives when absent. */
  readonly throttle?: number | undefined;
}

/** A value behind `#SBATCH --option=`. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/**
 * The script of an array. Before the time limit, and when a device was lost, the cell saves and its task is requeued;
 * when the task is cancelled the cell saves and ends.
 */
export function slurmScript(
  cells: readonly Cell[],
  { name, slurm, deno, place, throttle }: ArraySetting,
): string {
  const threads = slurm.cpus ?? 1;
  const options = Object.entries({
    "job-name": name,
    array: `0-${cells.length - 1}${throttle === undefined ? "" : `%${throttle}`}`,
    output: `${place.folder.replaceAll("%", "%%")}/slurm/%A_%a.out`,
    "open-mode": "append",
    signal: `B:USR1@${slurm.warnSeconds}`,
    "cpus-per-task": `${threads}`,
    partition: slurm.partition,
    account: slurm.account,
    time: slurm.time,
    mem: slurm.memory,
    gres: slurm.gres,
  }).flatMap(([option, value]) => value === undefined ? [] : [`#SBATCH --${option}=${quoted(value)}`]);
  return [
    "#!/bin/bash",
    ...options,
    "#SBATCH --requeue",
    ...slurm.more.map((option) => `#SBATCH ${option}`),
    "",
    "again=no early=no",
    "# $! is there from the moment that the training is.",
    'tell() { if [ -n "$!" ]; then kill -TERM "$!"; else early=yes; fi; }',
    "trap 'again=yes; tell' USR1  # the time limit is near",
    "trap tell TERM               # cancelled, or the node is wanted by others",
    "",
    'case "$SLURM_ARRAY_TASK_ID" in',
    ...cells.map((cell, i) => `${i}) ${cellLine(shellWord(deno), cell, { ...place, threads })} & ;;`),
    "esac",
    "training=$!",
    'if [ "$early" = yes ]; then kill -TERM "$training"; fi',
    'wait "$training"',
    "code=$?",
    "# A signal ends the waiting too; the training has still to save.",
    'while kill -0 "$training" 2>/dev/null; do wait "$training"; code=$?; done',
    "",
    "# 75: a device was lost, say. Three times on one task is no accident.",
    'if [ "$code" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then again=yes; fi',
    'if [ "$code" -ne 0 ] && [ "$again" = yes ]; then',
    '  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"',
    "fi",
    'exit "$code"',
    "",
  ].join("\n");
}

/**
 * The number of the array that `sbatch --parsable` printed.
 *
 * @throws {CodedError} `sweep.slurm` when it printed none
 */
export function parseJob(printed: string): string {
  const job = /^(\d+)(;|\s|$)/.exec(printed)?.[1];
  if (job !== undefined) return job;
  throw new CodedError("sweep.slurm", `sbatch printed no number of a job: ${printed.trim()}`, {
    fix: "Look at what sbatch says about the script in the slurm folder of the sweep.",
  });
}

/** What stands behind `squeue` to list the tasks of the caller's arrays. */
export const squeueArguments: readonly string[] = ["--me", "--array", "--noheader", "--format=%F_%K|%T"];

/** What stands behind `sacct` to say how the tasks of an array ended. */
export function sacctArguments(jobs: readonly SlurmJob[]): string[] {
  const numbers = jobs.map(({ job }) => job).join(",");
  return ["--jobs", numbers, "--allocations", "--noheader", "--parsable2", "--format=JobID,State"];
}

/** The lines `JOB_TASK|STATE` by the name of their cell, later arrays winning. */
function statesOf(jobs: readonly SlurmJob[], lines: string): Map<string, string> {
  const cells = new Map(
    jobs.flatMap(({ job, cells }) => cells.map((name, i) => [`${job}_${i}`, { job, name }])),
  );
  const found = lines.split("\n").flatMap((line) => {
    const [task = "", state = ""] = line.trim().split("|"), cell = cells.get(task);
    return cell === undefined ? [] : [{ ...cell, state: state.split(" ")[0]! }]; // "CANCELLED by 0"
  });
  const inOrder = found.toSorted((a, b) => Number(a.job) - Number(b.job));
  return new Map(inOrder.map(({ name, state }) => [name, state]));
}

const runs = ["RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "SUSPENDED"];
const isOver = [
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "TIMEOUT",
];

/** The cells that wait in the queue or run, from what `squeue` printed. */
export function cellsInQueue(jobs: readonly SlurmJob[], squeue: string): Map<string, "queued" | "running"> {
  return new Map(
    [...statesOf(jobs, squeue)].filter(([, state]) => !isOver.includes(state))
      .map(([name, state]) => [name, runs.includes(state) ? "running" : "queued"]),
  );
}

/** How Slurm says that cells ended, where it was not by themselves: `OUT_OF_MEMORY`, `CANCELLED`; from `sacct`. */
export function cellsEnded(jobs: readonly SlurmJob[], sacct: string): Map<string, string> {
  const byThemselves = ["COMPLETED", "FAILED"];
  return new Map(
    [...statesOf(jobs, sacct)].filter(([, state]) => isOver.includes(state) && !byThemselves.includes(state)),
  );
}

const jobsSchema = z.array(z.strictObject({ job: z.string(), cells: z.array(z.string()) }));

/** Reads the list of submitted arrays, as JSON. */
export function parseJobs(value: unknown): SlurmJob[] {
  const parsed = jobsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CodedError("sweep.slurm", "slurm/jobs.json is no list of submitted arrays", {
    fix: "Remove it; arrays that are still queued are then not known as this sweep's.",
  });
}
