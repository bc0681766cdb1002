/**
 * The results of a sweep's finished cells, ready to be tabulated.
 *
 * @module
 */

import { parseRatio } from "../../data/split.ts";
import { type CaseRecord, readRunFolder, type RunResults } from "../../eval/mod.ts";
import { poolCalibrations } from "../../eval/metrics/calibration.ts";
import { meanCosts } from "../../eval/report/run_groups.ts";
import { renamed } from "../../eval/report/run_results.ts";
import { average } from "../../eval/statistics/summarise.ts";
import { type Cell, variedIn } from "./cells.ts";
import type { Sweep } from "./sweep_file.ts";
import { type SweepFolder, sweepPaths } from "./sweep_folder.ts";

/** What a sweep has come to. */
export interface Collected {
  /** A run for each row, labels and seed; the folds of one are joined. */
  readonly runs: readonly RunResults[];
  /** The cells that have no results yet. */
  readonly missing: readonly Cell[];
}

async function isFinished(run: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${run}/metrics.json`)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Reads the finished cells of a sweep.
 *
 * @throws {EvalError} what reading a damaged run folder throws
 */
export async function collectSweep({ folder, sweep, cells }: SweepFolder): Promise<Collected> {
  const finished: { cell: Cell; run: RunResults }[] = [], missing: Cell[] = [];
  for (const cell of cells) {
    const run = sweepPaths.run(folder, cell);
    if (await isFinished(run)) finished.push({ cell, run: await readRunFolder(run) });
    else missing.push(cell);
  }
  const groups = Map.groupBy(finished, ({ cell }) => JSON.stringify([cell.row, cell.labels, cell.seed]));
  return { runs: [...groups.values()].map((group) => joinFolds(sweep, group)), missing };
}

/** The label ratio that was asked for: that of a split is rounded to whole subjects, in each fold another way. */
function ratioOf({ settings }: Cell, runs: readonly RunResults[]): number {
  const { labelRatio } = settings;
  return labelRatio === undefined
    ? average(runs.map((run) => run.label_ratio))!
    : parseRatio(labelRatio as number | string);
}

const byCase = (a: CaseRecord, b: CaseRecord): number => a.case < b.case ? -1 : a.case > b.case ? 1 : 0;

/** The runs of all folds as one that was tested on the cases of each. */
function joinFolds(sweep: Sweep, group: readonly { cell: Cell; run: RunResults }[]): RunResults {
  const [{ cell }] = group as [typeof group[number]];
  const label_ratio = ratioOf(cell, group.map(({ run }) => run));
  const runs = group.map(({ run }) => renamed(run, { method: cell.row, label_ratio }));
  const [first] = runs as [RunResults];
  const named = { ...first, varied: variedIn(sweep, cell) };
  if (cell.fold === null) return named;
  const all = <T>(of: (run: RunResults) => readonly T[]): T[] => runs.flatMap(of);
  const parts = Object.fromEntries(
    ["files", "labelFiles"].filter((kind) => kind in first.split)
      .map((kind) => [kind, Object.assign({}, ...runs.map((run) => run.split[kind]))]),
  );
  return {
    ...named,
    name: cell.name.replace(/-fold\d+(?=-seed\d+$)/, ""),
    split: { ...first.split, test: all((run) => run.split.test as string[]).toSorted(), ...parts },
    records: all((run) => run.records).toSorted(byCase),
    lastRecords: all((run) => run.lastRecords).toSorted(byCase),
    robustness: all((run) => run.robustness),
    missingModalities: all((run) => run.missingModalities),
    calibration: poolCalibrations(runs.map((run) => run.calibration)),
    costs: meanCosts(runs.map((run) => run.costs)),
  };
}
