/**
 * The trainings of a sweep, one a cell.
 *
 * @module
 */

import { resolve } from "node:path";
import { parseRatio } from "../../data/split.ts";
import { isBaseline } from "../../eval/mod.ts";
import { CodedError } from "../../tensor/errors.ts";
import { isModule } from "../train/is_module.ts";
import type { Trial } from "./trials.ts";
import type { Sweep, SweepMethod } from "./sweep_file.ts";

/** One training of a sweep. */
export interface Cell {
  /** Name of its run folder: the same whenever the file is read. */
  readonly name: string;
  /** Its row in tables: the method, and the values of the grid. */
  readonly row: string;
  /** How many labels it has, in words; null when nothing is said about it. */
  readonly labels: string | null;
  /** Which fold it tests, such as `2/5`; null without folds. */
  readonly fold: string | null;
  /** Its seed. */
  readonly seed: number;
  /** The trial of an outside optimiser that it belongs to. */
  readonly trial?: string;
  /** All its settings, as `train --config` takes them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Settings that name files; relative ones count from the folder of the sweep's file. */
export const pathSettings: readonly string[] = [
  ...["data", "recipe", "split", "init", "pseudoLabels", "methodModule"],
];

type Settings = Record<string, unknown>;

/** The setting at `settings.cscWeight`, or at a plain name. */
function withValue(settings: Readonly<Settings>, path: string, value: unknown): Settings {
  const [outer, inner] = path.split(".", 2) as [string, string | undefined];
  return inner === undefined
    ? { ...settings, [outer]: value }
    : { ...settings, [outer]: { ...settings[outer] as Settings, [inner]: value } };
}

/** Settings of one method over those of all; the settings of the method itself are joined. */
function over(stronger: Readonly<Settings>, weaker: Readonly<Settings>): Settings {
  const own = { ...weaker.settings as Settings, ...stronger.settings as Settings };
  return { ...weaker, ...stronger, ...(Object.keys(own).length > 0 && { settings: own }) };
}

function methodSettings({ name: _, method, ...own }: SweepMethod): Settings {
  return { ...own, ...(isModule(method) ? { methodModule: method } : { method }) };
}

/** Letters that every file system, shell and scheduler takes. */
function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9._+]+/g, "-").replace(/^[-.]+|-+$/g, "");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Every combination of one value of each list, the last list changing fastest. */
function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>(
    (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])),
    [[]],
  );
}

interface Labels {
  readonly words: string | null;
  readonly short: readonly string[];
  readonly settings: Settings;
}

/** The last part of a setting's place: `cscWeight` of `settings.cscWeight`. */
function settingName(path: string): string {
  return path.slice(path.indexOf(".") + 1);
}

/** What a cell has of all that its sweep gives a list of values: settings of the grid, the number of labelled subjects. */
export function variedIn({ grid, labelled }: Sweep, { settings }: Cell): Record<string, unknown> {
  const paths = [...Object.keys(grid), ...(labelled ? ["labelled"] : [])];
  return Object.fromEntries(paths.map((path) => {
    const [outer, inner] = path.split(".", 2) as [string, string | undefined];
    const value = settings[outer];
    return [settingName(path), inner === undefined ? value : (value as Settings)[inner]];
  }));
}

function labelsOf({ labelRatios, labelled }: Sweep): Labels[] {
  if (labelled) {
    return labelled.map((count) => ({
      words: `${count} labelled`,
      short: [`labelled${count}`],
      settings: { labelled: count },
    }));
  }
  if (!labelRatios) return [{ words: null, short: [], settings: {} }];
  return labelRatios.map((labelRatio) => {
    const percent = Number((100 * parseRatio(labelRatio)).toPrecision(6));
    return { words: `${percent} %`, short: [`${percent}pct`], settings: { labelRatio } };
  });
}

/**
 * The cells of a sweep: methods, then settings of the grid, labels, folds and seeds, the last changing fastest.
 *
 * @param folder where relative paths of the file count from
 * @param trials settings that an optimiser proposes, each of which is a row of its own
 * @throws {CodedError} `sweep.cells` when two cells have one name, or the baseline is no row; `split.ratio`
 */
export function cellsOf(sweep: Sweep, folder: string, trials: readonly Trial[] = []): Cell[] {
  const grid = Object.entries(sweep.grid).map(([path, values]) => values.map((value) => ({ path, value })));
  const tried = trials.length === 0 ? [undefined] : trials;
  requireOwnPlace(sweep, trials);
  const folds = sweep.folds === undefined
    ? [null]
    : Array.from({ length: sweep.folds }, (_, k) => `${k + 1}/${sweep.folds}`);
  const cells = sweep.methods.map((entry) => typeof entry === "string" ? { method: entry } : entry)
    .flatMap((entry) =>
      combinations(grid).flatMap((chosen) => tried.map((trial) => ({ chosen, trial }))).flatMap(
        ({ chosen, trial }) => {
          const proposed = Object.entries(trial?.settings ?? {}).map(([path, value]) => ({ path, value }));
          const settings = [...chosen, ...proposed].reduce(
            (all, { path, value }) => withValue(all, path, value),
            over(methodSettings(entry), sweep.settings),
          );
          for (const name of pathSettings) {
            if (typeof settings[name] === "string") settings[name] = resolve(folder, settings[name]);
          }
          const words = [
            entry.name ?? entry.method,
            ...chosen.map(({ path, value }) => `${settingName(path)} ${shown(value)}`),
            ...(trial ? [`trial ${trial.id}`] : []),
          ];
          return labelsOf(sweep).flatMap((labels) =>
            folds.flatMap((fold) =>
              sweep.seeds.map((seed): Cell => ({
                name: [
                  ...words.map(plain),
                  ...labels.short,
                  ...(fold === null ? [] : [`fold${fold.split("/")[0]}`]),
                  `seed${seed}`,
                ].join("-"),
                row: words.join(", "),
                labels: labels.words,
                fold,
                seed,
                ...(trial && { trial: trial.id }),
                settings: { ...settings, ...labels.settings, ...(fold !== null && { fold }), seed },
              }))
            )
          );
        },
      )
    );
  requireDistinct(cells);
  const rows = [...new Set(cells.map(({ row }) => row))];
  if (sweep.baseline !== undefined && !isBaseline(sweep.baseline, rows)) {
    throw new CodedError("sweep.cells", `the baseline ${sweep.baseline} is no row`, {
      fix: `Rows are ${rows.join("; ")}.`,
    });
  }
  return cells;
}

/** What a cell takes from the sweep's own lists is set nowhere else, where it would name a row and change nothing. */
function requireOwnPlace(
  { methods, grid, settings, labelRatios, labelled, folds }: Sweep,
  trials: readonly Trial[],
): void {
  const taken: Record<string, string> = {
    seed: "seeds",
    ...(labelRatios && { labelRatio: "labelRatios", labelled: "labelRatios" }),
    ...(labelled && { labelRatio: "labelled", labelled: "labelled" }),
    ...(folds !== undefined && { fold: "folds" }),
  };
  const inMethods = methods.flatMap((entry) => typeof entry === "string" ? [] : Object.keys(entry));
  const elsewhere = [settings, grid, ...trials.map((trial) => trial.settings)].flatMap(Object.keys);
  const misplaced = [...inMethods, ...elsewhere].find((name) => Object.hasOwn(taken, name));
  if (misplaced !== undefined) {
    throw new CodedError(
      "sweep.cells",
      `${misplaced} is set beside "${taken[misplaced]}", which decides it`,
      {
        fix: `Give its values in "${taken[misplaced]}".`,
      },
    );
  }
  if (elsewhere.some((name) => name === "method" || name === "methodModule")) {
    throw new CodedError("sweep.cells", 'the method is set beside "methods", which decides it', {
      fix: 'Name the methods in "methods".',
    });
  }
}

function requireDistinct(cells: readonly Cell[]): void {
  const seen = new Map<string, Cell>();
  for (const cell of cells) {
    const key = cell.name.toLowerCase(); // some file systems do not tell them apart
    const other = seen.get(key);
    if (other !== undefined) {
      throw new CodedError(
        "sweep.cells",
        `two cells would be named ${cell.name}: of ${other.row} and ${cell.row}`,
        {
          fix: 'Give methods a "name" of their own, and each seed, ratio and value once.',
        },
      );
    }
    seen.set(key, cell);
  }
}
