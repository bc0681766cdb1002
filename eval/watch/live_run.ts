import { EvalError } from "../errors.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { type LogRow, parseLog } from "../report/log.ts";

/**
 * What becomes of a run: `waiting`, a cell of a sweep that has not begun; `running`; `finished` with its results
 * written; `stopped` by its time limit or a signal, to be resumed; `killed` without having saved at its end;
 * `damaged`, a folder that cannot be read.
 */
export type RunState = "waiting" | "running" | "finished" | "stopped" | "killed" | "damaged";

/** What a run has left in its folder so far. */
export interface LiveRun {
  /** Path of its folder below the one that is watched. */
  readonly name: string;
  /** What becomes of it. */
  readonly state: RunState;
  /** Why it cannot be read, when it is damaged. */
  readonly problem?: string;
  /** The method as tables name it. */
  readonly method: string;
  /** Share of the training subjects whose labels are used, where that is known. */
  readonly labelRatio: number | null;
  /** Seed. */
  readonly seed: number | null;
  /** Steps to do. */
  readonly steps: number;
  /** One row a step; rows that the last checkpoint does not hold are done again by a resumed run. */
  readonly log: readonly LogRow[];
  /** Times and memory, every few seconds. */
  readonly timing: readonly LogRow[];
  /** The best validation so far. */
  readonly best: { readonly step: number; readonly dice: number } | null;
  /** Mean Dice of the test cases, of a finished run. */
  readonly testDice: number | null;
  /** Drawings of the last validation, SVG, in the order of their names. */
  readonly overlays: readonly string[];
  /** The classes that they outline. */
  readonly classes: readonly LabelClass[];
}

/** What is known of a run that cannot be read. */
const nothing = {
  method: "",
  labelRatio: null,
  seed: null,
  steps: 0,
  log: [],
  timing: [],
  best: null,
  testDice: null,
  overlays: [],
  classes: [],
} as const;

/** A cell of a sweep, as its `cells.json` has it, that has not begun. */
export function waitingRun(name: string, cell: { readonly row?: unknown; readonly seed?: unknown }): LiveRun {
  const { row, seed } = cell;
  return {
    ...nothing,
    name,
    state: "waiting",
    method: String(row ?? ""),
    seed: typeof seed === "number" ? seed : null,
  };
}

/** Seconds without a sign of life after which the lock is asked whether the process still lives. */
const silence = 20;

/** Files of a run folder that change while it runs. */
export const liveFiles: readonly string[] = [
  ...["config.json", "split.json", "log.csv", "timing.csv", "metrics.json", "lock"],
];

/** The text of a file, or nothing when there is none. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether no process holds the lock of a folder. It is asked for along with others, and given back at once. */
async function isFree(path: string): Promise<boolean> {
  try {
    using lock = await Deno.open(path);
    return lock.tryLockSync(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

async function changed(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/**
 * What becomes of the run in a folder. A process that trains in it holds its lock and lets it go however it ends, but
 * only one that ends in order takes the file away.
 *
 * @param now milliseconds since 1970
 */
export async function runState(
  folder: string,
  now: number,
): Promise<Exclude<RunState, "damaged" | "waiting">> {
  const lock = await changed(`${folder}/lock`);
  if (lock === 0) return await changed(`${folder}/metrics.json`) > 0 ? "finished" : "stopped";
  const signs = await Promise.all(["log.csv", "timing.csv"].map((name) => changed(`${folder}/${name}`)));
  if (now - Math.max(lock, ...signs) < 1000 * silence) return "running";
  return await isFree(`${folder}/lock`) ? "killed" : "running";
}

/** Reads a run folder as it is; files that are not there yet are taken as empty. */
export async function readLiveRun(root: string, name: string, now: number): Promise<LiveRun> {
  const folder = name === "" ? root : `${root}/${name}`;
  try {
    return { name, state: await runState(folder, now), ...await contents(folder) };
  } catch (error) {
    // A folder is taken away, or a file was damaged: the others are shown all the same.
    const problem = error instanceof Error ? error.message : String(error);
    return { ...nothing, name, state: "damaged", problem };
  }
}

async function contents(folder: string): Promise<Omit<LiveRun, "name" | "state">> {
  const config = await json(folder, "config.json"), split = await json(folder, "split.json");
  const metrics = await json(folder, "metrics.json") as { test?: { mean?: { dice?: number } } | null };
  const log = await rows(folder, "log.csv"), timing = await rows(folder, "timing.csv");
  const overlays = await drawings(`${folder}/plots`);
  const judged = log.filter((row) => row.val_dice !== undefined);
  const top = judged.reduce<LogRow | null>(
    (best, row) => best === null || row.val_dice! > best.val_dice! ? row : best,
    null,
  );
  return {
    method: String(config.methodLabel ?? config.method ?? ""),
    labelRatio: typeof split.labelRatio === "number" ? split.labelRatio : null,
    seed: typeof config.seed === "number" ? config.seed : null,
    steps: typeof config.steps === "number" ? config.steps : 0,
    log,
    timing: latest(timing),
    best: top && { step: top.step, dice: top.val_dice! },
    testDice: metrics.test?.mean?.dice ?? null,
    overlays,
    classes: (config.dataset as { classes?: LabelClass[] } | undefined)?.classes ?? [],
  };
}

/** Without what was done again after a kill: from the end, steps only fall. */
function latest(timing: readonly LogRow[]): LogRow[] {
  let least = Infinity;
  const kept = timing.toReversed().filter(({ step }) => step < least && (least = step, true));
  return kept.toReversed();
}

async function json(folder: string, file: string): Promise<Record<string, unknown>> {
  const text = await textOf(`${folder}/${file}`);
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvalError("report.run", `${folder}/${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

async function rows(folder: string, file: string): Promise<LogRow[]> {
  const text = await textOf(`${folder}/${file}`);
  return text === undefined || text === "" ? [] : parseLog(text, `${folder}/${file}`);
}

async function drawings(folder: string): Promise<string[]> {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => /^validation_.*\.svg$/.test(name)).sort();
    return (await Promise.all(names.map((name) => textOf(`${folder}/${name}`)))).flatMap((text) =>
      text ?? []
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
