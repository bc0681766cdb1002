/**
 * The launcher `local` of a sweep.
 *
 * @module
 */

import { clock } from "../model/mod.ts";
import {
  type Cell,
  type CellPlace,
  cellReport,
  requireMemory,
  runLocally,
  startCell,
  type SweepFolder,
} from "../model/sweep/mod.ts";
import { number, type Result, UsageError, type Values } from "./command.ts";
import { openChosenDevice } from "./open_device.ts";
import { peakBytesOf } from "./sweep_cells.ts";
import { statusResult } from "./sweep_status.ts";
import { say } from "./terminal.ts";

/** First signal: all cells end after their step. Second: at once. */
function stopOnSignals(): { signal: AbortSignal; code: () => number } {
  const controller = new AbortController();
  let code = 0;
  for (const [signal, exit] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => {
      if (controller.signal.aborted) Deno.exit(exit);
      code = exit;
      say("\nending after this step of each cell; once more to stop at once");
      controller.abort();
    });
  }
  return { signal: controller.signal, code: () => code };
}

/** Refuses more jobs than the memory holds. A GPU does not say how much it has. */
async function checkMemory(
  folder: string,
  cells: readonly Cell[],
  jobs: number,
  choice: "auto" | "cpu" | "webgpu",
) {
  using device = await openChosenDevice(choice, 1);
  const peak = await peakBytesOf(folder, cells, device, (row, { message }) => {
    say(`warning[sweep.plan]: ${row} cannot be planned: ${message}`);
  });
  if (device.kind === "cpu") requireMemory(jobs, peak, Deno.systemMemoryInfo().available);
}

/**
 * Trains all cells that are not done.
 *
 * @param program the program `train`
 */
export async function runHere(
  { folder, cells }: SweepFolder,
  values: Values,
  place: CellPlace & { readonly device: "auto" | "cpu" | "webgpu" },
): Promise<Result> {
  const jobs = number(values, "jobs") ?? 1;
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new UsageError(`--jobs ${jobs}: expected a whole number from 1`);
  }
  const reports = await Promise.all(cells.map((cell) => cellReport(folder, cell)));
  const open = reports.filter(({ state }) => state !== "done").map(({ cell }) => cell);
  say(`${folder}: ${cells.length} cells, ${cells.length - open.length} done, ${open.length} to train`);
  if (open.length > 0) await checkMemory(folder, open, Math.min(jobs, open.length), place.device);
  const threads = place.threads ?? Math.max(1, Math.floor(navigator.hardwareConcurrency / jobs));
  const { signal, code } = stopOnSignals();
  const began = new Map<Cell, number>();
  let done = cells.length - open.length;
  const failed = await runLocally(open, {
    jobs,
    signal,
    start: (cell) => startCell(cell, { ...place, threads }),
    began(cell) {
      began.set(cell, performance.now());
      say(`${cell.name}: started`);
    },
    ended(cell, attempt) {
      const time = clock((performance.now() - began.get(cell)!) / 1000);
      if (attempt.code === 0) say(`${cell.name}: done in ${time} (${++done} of ${cells.length})`);
      else say(`${cell.name}: ended after ${time}: ${attempt.error ?? `exit code ${attempt.code}`}`);
    },
  });
  const result = await statusResult(folder, cells);
  return { ...result, exitCode: code() || (failed.size > 0 ? 1 : 0) };
}
