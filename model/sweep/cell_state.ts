/**
 * What has become of a cell, read from its files.
 *
 * @module
 */

import { parseLog } from "../../eval/report/log.ts";
import type { Cell } from "./cells.ts";
import { sweepPaths } from "./sweep_folder.ts";

/** The states of a cell. */
export const cellStates = ["done", "running", "queued", "cut off", "failed", "waiting"] as const;

/** One of the states: `cut off` has a checkpoint to go on from, `waiting` has none. */
export type CellState = typeof cellStates[number];

/** A cell and where it is. */
export interface CellReport {
  /** The cell. */
  readonly cell: Cell;
  /** Its state. */
  readonly state: CellState;
  /** Steps of the training that are logged. */
  readonly step: number;
  /** Steps there will be; null before the training has begun. */
  readonly steps: number | null;
  /** Best validation Dice so far, null before the first validation. */
  readonly validation: number | null;
  /** Wall time of a finished training in seconds. */
  readonly seconds: number | null;
  /** The error that ended its last attempt, `error[code]: …`. */
  readonly error: string | null;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a process works in a run folder. A lock ends with its process, however that ends. */
export async function isLocked(run: string): Promise<boolean> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(`${run}/lock`, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  using lock = file;
  return !await lock.tryLock(false);
}

const colours = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g");

/**
 * The line of the error that ended a process, from what it printed: `error[code]: …` of the program, or `error: …` of Deno
 * when the program did not get so far.
 */
export function errorIn(log: string): string | null {
  const lines = log.replace(colours, "").trimEnd().split("\n");
  const at = lines.findLastIndex((line) => /^error(\[[\w.]+\])?: /.test(line));
  if (at < 0) return null;
  // Behind one of the program stand only the lines that say what to do, which are indented.
  const isLast = lines[at]!.startsWith("error: ") ||
    lines.slice(at + 1).every((line) => line.startsWith("  "));
  return isLast ? lines[at]! : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * The state of a cell.
 *
 * @param elsewhere what a cluster's queue says about it
 */
export async function cellReport(
  folder: string,
  cell: Cell,
  elsewhere?: "queued" | "running",
): Promise<CellReport> {
  const run = sweepPaths.run(folder, cell);
  const [metricsText, configText, logText] = await Promise.all(
    ["metrics.json", "config.json", "log.csv"].map((name) => textOf(`${run}/${name}`)),
  );
  const log = logText ? parseLog(logText, `${run}/log.csv`) : [];
  const scores = log.flatMap((row) => row.val_dice === undefined ? [] : [row.val_dice]);
  const base = {
    cell,
    step: log.at(-1)?.step ?? 0,
    steps: configText === undefined ? null : Number(JSON.parse(configText).steps),
    validation: scores.length > 0 ? Math.max(...scores) : null,
    seconds: null,
    error: null,
  };
  if (metricsText !== undefined) {
    const { cost } = JSON.parse(metricsText);
    const seconds = isObject(cost) && typeof cost.seconds === "number" ? cost.seconds : null;
    return { ...base, state: "done", seconds };
  }
  if (await isLocked(run)) return { ...base, state: "running" };
  if (elsewhere !== undefined) return { ...base, state: elsewhere };
  const error = errorIn(await textOf(sweepPaths.log(folder, cell)) ?? "");
  if (error !== null && !error.startsWith("error[run.locked]")) return { ...base, state: "failed", error };
  return { ...base, state: base.step > 0 ? "cut off" : "waiting" };
}
