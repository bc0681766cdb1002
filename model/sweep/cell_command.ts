/**
 * The command that trains a cell. It may be given any number of times: it trains the cell once.
 *
 * @module
 */

import type { Cell } from "./cells.ts";
import { sweepPaths } from "./sweep_folder.ts";

/** Where and with what a cell is computed; none of it changes what is computed. */
export interface CellPlace {
  /** The program `train`, a path or an address. */
  readonly program: string;
  /** Folder of the sweep. */
  readonly folder: string;
  /** `cpu`, `webgpu` or `auto`. */
  readonly device: string;
  /** Threads of the cpu device. */
  readonly threads?: number | undefined;
  /** Whether the cpu device runs in fast mode, in which sums may round otherwise. */
  readonly isFast?: boolean;
}

/** What V8 is told for the fast mode of the cpu device, see `tensor/README.md`; as `deno task fast` has it. */
export const fastFlags =
  "--v8-flags=--no-wasm-bounds-checks,--experimental-wasm-revectorize,--expose-gc-as=wideVectors";

/** The permission to write in a folder; one with a comma in its name cannot be named. */
function writing(folder: string): string {
  return folder.includes(",") ? "--allow-write" : `--allow-write=${folder}`;
}

/** What stands behind `deno` to train a cell. */
export function cellArguments(cell: Cell, { program, folder, device, threads, isFast }: CellPlace): string[] {
  return [
    ...["run", ...(isFast ? [fastFlags] : [])],
    ...["--no-prompt", "--quiet", "--allow-read", writing(folder), program],
    ...["--config", sweepPaths.settings(folder, cell), "--out", sweepPaths.runs(folder), "--name", cell.name],
    ...["--once", "--device", device],
    ...(threads === undefined ? [] : ["--threads", `${threads}`]),
  ];
}

/** A word as a shell takes it whole. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * A line for a shell that trains a cell, and keeps what it prints where the state is read from.
 *
 * @param deno the program, as the shell takes it
 */
export function cellLine(deno: string, cell: Cell, place: CellPlace): string {
  const command = [deno, ...cellArguments(cell, place).map(shellWord)].join(" ");
  return `${command} > ${shellWord(sweepPaths.log(place.folder, cell))} 2>&1`;
}
