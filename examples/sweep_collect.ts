/**
 * Tables, plots and report of a sweep.
 *
 * @module
 */

import { EvalError, isBaseline } from "../eval/mod.ts";
import { collectSweep, type SweepFolder } from "../model/sweep/mod.ts";
import { writeCollection } from "./collected_files.ts";
import { type Result, text, type Values } from "./command.ts";
import { reportsOf } from "./sweep_status.ts";

/** The first method, which others are compared with at the same settings; of a single one its first settings. */
function firstOf({ sweep: { methods }, cells }: SweepFolder): string {
  const [first] = methods;
  return methods.length === 1
    ? cells[0]!.row
    : typeof first === "string"
    ? first
    : first!.name ?? first!.method;
}

/** Writes `collected/` of a sweep's folder; exit code 1 when cells are missing. */
export async function collect(sweep: SweepFolder, values: Values): Promise<Result> {
  const { runs, missing } = await collectSweep(sweep), { folder, cells } = sweep;
  const states = (await reportsOf(folder, missing)).map(({ cell, state, error }) =>
    `${cell.name}: ${error ?? state}`
  );
  if (runs.length === 0) {
    throw new EvalError("report.runs", `none of the ${cells.length} cells of ${folder} is finished`, {
      fix: states.slice(0, 3).join("\n  "),
    });
  }
  const rows = [...new Set(runs.map(({ method }) => method))];
  const baseline = text(values, "baseline") ?? sweep.sweep.baseline ?? firstOf(sweep);
  if (!isBaseline(baseline, rows)) {
    throw new EvalError("report.baseline", `no finished cell is of ${baseline}`, {
      fix: `Name one of ${
        rows.join("; ")
      } with --baseline, or a method alone: rows are then compared with its row of the same settings.`,
    });
  }
  const note = missing.length === 0
    ? `All ${cells.length} cells are finished.`
    : `${missing.length} of ${cells.length} cells are missing: ${states.join("; ")}.`;
  const result = await writeCollection(runs, `${folder}/collected`, {
    baseline,
    title: `Sweep ${sweep.sweep.name ?? ""}`.trimEnd(),
    note,
  });
  return {
    text: missing.length === 0 ? result.text : `${result.text}\n\nmissing:\n  ${states.join("\n  ")}`,
    json: { ...result.json as object, missing: missing.map(({ name }) => name) },
    exitCode: missing.length === 0 ? 0 : 1,
  };
}
