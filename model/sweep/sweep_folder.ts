/**
 * The folder of a sweep.
 *
 * ```
 * SWEEP/
 *   sweep.json            what was asked for, as it was given
 *   cells.json            every cell: name, row, labels, fold, seed, settings
 *   settings/CELL.json    what `train --config` is given
 *   runs/CELL/            the run folder of a cell
 *   logs/CELL.log         what its last attempt printed
 *   slurm/                scripts and numbers of submitted arrays
 *   collected/            tables, plots and report
 * ```
 *
 * What state a cell is in is read from these files (`cell_state.ts`); nothing else is kept, so there is nothing that
 * a killed process could leave wrong.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { readJsonObject } from "../run/read_json.ts";
import { writeAtomically } from "../run/run_folder.ts";
import type { Cell } from "./cells.ts";
import { parseSweep, type Sweep } from "./sweep_file.ts";

/** Where the parts of a sweep's folder lie. */
export const sweepPaths = {
  /** The folder of all run folders. */
  runs: (folder: string): string => `${folder}/runs`,
  /** The run folder of a cell. */
  run: (folder: string, { name }: Pick<Cell, "name">): string => `${folder}/runs/${name}`,
  /** The settings of a cell. */
  settings: (folder: string, { name }: Pick<Cell, "name">): string => `${folder}/settings/${name}.json`,
  /** What the last attempt of a cell printed. */
  log: (folder: string, { name }: Pick<Cell, "name">): string => `${folder}/logs/${name}.log`,
} as const;

/** A sweep with its cells, as its folder has them. */
export interface SweepFolder {
  /** Its path. */
  readonly folder: string;
  /** What was asked for. */
  readonly sweep: Sweep;
  /** The cells. */
  readonly cells: readonly Cell[];
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Writes the folder of a sweep, or brings one up to date: cells may be added to a sweep, but a cell that is there keeps
 * its settings.
 *
 * @throws {CodedError} `sweep.changed` naming the cell and the setting, `io.*`
 */
export async function writeSweepFolder({ folder, sweep, cells }: SweepFolder): Promise<void> {
  const earlier = await readSweepFolder(folder).catch((error) => {
    if (error instanceof CodedError && error.code === "io.missing") return undefined;
    throw error;
  });
  const known = new Map(earlier?.cells.map((cell) => [cell.name, cell.settings]));
  for (const cell of cells) {
    const before = known.get(cell.name) ?? await settingsOnDisk(folder, cell);
    if (before !== undefined) requireSame(folder, before, cell);
  }
  try {
    for (const part of ["settings", "runs", "logs"]) {
      await Deno.mkdir(`${folder}/${part}`, { recursive: true });
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new CodedError("io.write", `${folder} cannot be made: ${(cause as Error).message}`, {
      cause,
      fix: "Choose another folder with --out.",
    });
  }
  for (const cell of cells) {
    if (!known.has(cell.name)) await writeAtomically(sweepPaths.settings(folder, cell), json(cell.settings));
  }
  await writeAtomically(`${folder}/sweep.json`, json(sweep));
  await writeAtomically(`${folder}/cells.json`, json({ version: 1, cells }));
}

/** The settings of a cell that the list does not name, but that was there once: its run may be there still. */
async function settingsOnDisk(folder: string, cell: Cell): Promise<Cell["settings"] | undefined> {
  try {
    return await readJsonObject(
      sweepPaths.settings(folder, cell),
      "Remove it and the run folder of its cell.",
    );
  } catch (error) {
    if (error instanceof CodedError && error.code === "io.missing") return undefined;
    throw error;
  }
}

function requireSame(folder: string, before: Cell["settings"], now: Cell): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now.settings)])];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now.settings[name]));
  if (changed.length === 0) return;
  throw new CodedError(
    "sweep.changed",
    `cell ${now.name} of ${folder} was started with other settings: ${
      changed.map((name) =>
        `${name} (${JSON.stringify(before[name])} then, ${JSON.stringify(now.settings[name])} now)`
      ).join(", ")
    }`,
    { fix: "Give the sweep another name or another folder with --out." },
  );
}

/**
 * Reads the folder of a sweep.
 *
 * @throws {CodedError} `io.missing` for what is no sweep's folder, `sweep.file` when its files are damaged
 */
export async function readSweepFolder(folder: string): Promise<SweepFolder> {
  const path = folder.replace(/(?<=.)\/+$/, "");
  const fix = "Give the folder of a sweep, as `deno task sweep` printed it.";
  const sweep = parseSweep(await readJsonObject(`${path}/sweep.json`, fix), `${path}/sweep.json`);
  const { version, cells } = await readJsonObject(`${path}/cells.json`, fix);
  if (version !== 1 || !Array.isArray(cells) || !cells.every(isCell)) {
    throw new CodedError("sweep.file", `${path}/cells.json is no list of cells of version 1`, {
      fix: "Remove it and start the sweep again: finished cells are kept.",
    });
  }
  return { folder: path, sweep, cells };
}

function isCell(value: unknown): value is Cell {
  const { name, row, seed, settings } = (value ?? {}) as Partial<Cell>;
  return typeof name === "string" && typeof row === "string" && typeof seed === "number" &&
    typeof settings === "object" && settings !== null;
}
