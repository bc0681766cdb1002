/**
 * The cells of a sweep, checked as `train` would check them, and what they cost.
 *
 * @module
 */

import { basename, dirname, resolve } from "node:path";
import { decodeText, parseJson } from "../data/json.ts";
import { CodedError } from "../tensor/errors.ts";
import { costOf, readFile, resolveConfig, taskOf } from "../model/mod.ts";
import {
  type Cell,
  cellsOf,
  parseTrials,
  pathSettings,
  readSweep,
  readSweepFolder,
  type Sweep,
  type SweepFolder,
  sweepPaths,
  type Trial,
} from "../model/sweep/mod.ts";
import type { Device } from "../tensor/mod.ts";
import { text, UsageError, type Values } from "./command.ts";
import { initialWeights } from "./initial_weights.ts";
import { planTraining } from "./plan_training.ts";
import { openCases } from "./train_data.ts";
import { checkSettings, methodIn, readSettings, sortSettings } from "./train_settings.ts";

/**
 * Settings of `--set NAME=VALUE` over those of the file, those of its methods among them; values are JSON, or words.
 * Paths count from here.
 */
function changed(sweep: Sweep, values: Values): Sweep {
  const set: Record<string, unknown> = {};
  for (const pair of (values.set ?? []) as string[]) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--set ${pair}: expected NAME=VALUE`);
    const name = pair.slice(0, at), word = pair.slice(at + 1);
    if (Object.keys(sweep.grid).some((path) => path === name || path.startsWith(`${name}.`))) {
      throw new UsageError(
        `--set ${pair}: the grid of the file gives ${name} values of its own`,
        "Change the grid in a copy of the file.",
      );
    }
    set[name] = pathSettings.includes(name) ? resolve(word) : valueOf(word);
  }
  const methods = sweep.methods.map((entry) =>
    typeof entry === "string" ? entry : {
      ...entry,
      ...Object.fromEntries(Object.entries(set).filter(([name]) => Object.hasOwn(entry, name))),
    }
  );
  return { ...sweep, methods, settings: { ...sweep.settings, ...set } };
}

function valueOf(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word; // text needs no quotation marks
  }
}

/** Refuses settings of a cell that `train` would refuse, as far as that can be said without its data. */
export async function checkCells(cells: readonly Cell[]): Promise<void> {
  for (const { name, settings } of cells) {
    const known = checkSettings(settings, `cell ${name}`);
    const method = await methodIn(known);
    // Patch and levels fit each other when the plan has filled in what is missing of them.
    const { patch: _patch, levels: _levels, ...training } = sortSettings(known, method).training;
    resolveConfig(training, method);
  }
}

/** The trials that `--ask` proposes. */
async function trialsOf(path: string | undefined): Promise<Trial[]> {
  if (path === undefined) return [];
  const bytes = await readFile(path, "Give a file with a list of trials after --ask.");
  return parseTrials(parseJson(decodeText(bytes, path), path), path);
}

/** Cells that are in the sweep's folder and that its file does not name: those of earlier trials. */
async function earlierTrials(folder: string, cells: readonly Cell[]): Promise<Cell[]> {
  const known = new Set(cells.map(({ name }) => name));
  const earlier = await readSweepFolder(folder).catch((error) => {
    if (error instanceof CodedError && error.code === "io.missing") return undefined;
    throw error;
  });
  return earlier?.cells.filter(({ name, trial }) => trial !== undefined && !known.has(name)) ?? [];
}

/**
 * Reads a sweep's file and checks every cell. The cells of earlier trials stay with it.
 *
 * @param file the file
 */
export async function openSweep(file: string, values: Values): Promise<SweepFolder> {
  const sweep = changed(await readSweep(file), values);
  const cells = cellsOf(sweep, dirname(resolve(file)), await trialsOf(text(values, "ask")));
  await checkCells(cells);
  const name = sweep.name ?? basename(file).replace(/\.json$/, "");
  const folder = resolve(text(values, "out") ?? "runs", name);
  return { folder, sweep: { ...sweep, name }, cells: [...await earlierTrials(folder, cells), ...cells] };
}

/**
 * Most bytes that a training step of any of these cells takes, from the plan of one cell a row. Rows whose data cannot
 * be read have none: their cells will say why.
 *
 * @param onUnread called with a row that cannot be planned, and why
 */
export async function peakBytesOf(
  folder: string,
  cells: readonly Cell[],
  device: Pick<Device, "kind" | "description">,
  onUnread: (row: string, error: Error) => void,
): Promise<number> {
  const rows = new Map(cells.map((cell) => [cell.row, cell]));
  let peak = 0;
  for (const [row, cell] of rows) {
    try {
      const settings = await readSettings({ config: sweepPaths.settings(folder, cell) });
      const cases = await openCases(settings, undefined, () => {});
      const start = await initialWeights(cases.settings);
      const training = { ...start?.network, ...settings.training };
      const plan = await planTraining(cases, { ...settings, training }, device, { isTrial: true });
      const config = resolveConfig({ ...training, ...plan.settings }, settings.method);
      peak = Math.max(peak, (await costOf(config, taskOf(plan.preparation), settings.method)).peakBytes);
    } catch (error) {
      onUnread(row, error as Error);
    }
  }
  return peak;
}
