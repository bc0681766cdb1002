/**
 * Compares finished runs or sweeps: one table, all tests, plots and a report.
 *
 * ```sh
 * deno task compare runs/comparison runs/ablation --baseline supervised --out compared
 * ```
 *
 * @module
 */

import { EvalError, isBaseline, readRunFolder, type RunResults } from "../eval/mod.ts";
import { renamed } from "../eval/report/run_results.ts";
import { collectSweep, readSweepFolder } from "../model/sweep/mod.ts";
import { writeCollection } from "./collected_files.ts";
import { type Command, main, requiredText, type Result, text, UsageError } from "./command.ts";

/** Runs that were named together. */
interface Group {
  readonly name: string;
  readonly runs: readonly RunResults[];
}

async function has(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** The finished runs in a folder of runs; what is left out is named. */
async function runsIn(folder: string): Promise<RunResults[]> {
  const runs: RunResults[] = [];
  for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${name}`;
    if (!await has(`${path}/config.json`)) continue;
    if (await has(`${path}/metrics.json`)) runs.push(await readRunFolder(path));
    else console.error(`warning[report.unfinished]: ${path} is not finished; it is left out`);
  }
  if (runs.length > 0) return runs;
  throw new EvalError("report.folder", `${folder} holds no finished run`, {
    fix: "Give the folder of a sweep, of a run, or of runs.",
  });
}

/** `NAME=FOLDER`, or a folder: of a sweep, of a run, or of runs. */
async function groupOf(word: string): Promise<Group> {
  const [, given, path] = /^(?:([^=/\\]+)=)?(.+)$/.exec(word)! as unknown as [
    string,
    string | undefined,
    string,
  ];
  const folder = path.replace(/(?<=.)\/+$/, ""), name = given ?? folder.slice(folder.lastIndexOf("/") + 1);
  if (await has(`${folder}/cells.json`)) {
    const { runs, missing } = await collectSweep(await readSweepFolder(folder));
    if (missing.length > 0) {
      console.error(`warning[sweep.missing]: ${missing.length} cells of ${folder} are missing`);
    }
    return { name, runs };
  }
  return {
    name,
    runs: await has(`${folder}/config.json`) ? [await readRunFolder(folder)] : await runsIn(folder),
  };
}

/** All runs; where two groups have a method of one name, it is told apart by theirs. */
function joined(groups: readonly Group[]): RunResults[] {
  const groupsWith = (method: string) =>
    groups.filter(({ runs }) => runs.some((run) => run.method === method));
  return groups.flatMap(({ name, runs }) =>
    runs.map((run) =>
      groupsWith(run.method).length > 1 ? renamed(run, { method: `${name}: ${run.method}` }) : run
    )
  );
}

/** What `deno task compare` does. */
export const command: Command = {
  name: "compare",
  summary:
    "Compares finished sweeps, folders of runs, or single runs: one table with significance marks, all tests,\n" +
    "plots and a report. A method that several groups have is told apart by the group's name, which NAME= gives.",
  positional: "[NAME=]FOLDER…",
  options: {
    out: { value: "DIR", help: "where to write" },
    baseline: {
      value: "METHOD",
      help: "row to compare with, as the table names it, or a method: its row of the same settings",
      default: "the first",
    },
    title: { value: "TEXT", help: "title of the report", default: "Comparison" },
  },
  examples: [
    "runs/comparison runs/ablation --baseline supervised --out compared",
    "before=runs/old after=runs/new --out compared",
  ],
  async run(values, words): Promise<Result> {
    const out = requiredText(values, "out");
    if (words.length === 0) throw new UsageError("no folder is named", "See --help.");
    const groups = [];
    for (const word of words) groups.push(await groupOf(word));
    const runs = joined(groups), methods = [...new Set(runs.map(({ method }) => method))];
    const baseline = text(values, "baseline") ?? methods[0]!;
    if (!isBaseline(baseline, methods)) {
      throw new EvalError("report.baseline", `no run is ${baseline}`, {
        fix: `Name one of ${methods.join("; ")} with --baseline.`,
      });
    }
    return await writeCollection(runs, out, { baseline, title: text(values, "title") ?? "Comparison" });
  },
};

if (import.meta.main) await main(command);
