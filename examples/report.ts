/**
 * Writes one self-contained HTML file about finished runs.
 *
 * ```sh
 * deno task report runs/cmc-seed0 runs/cmc-seed1 --data DIR --out report.html
 * ```
 *
 * @module
 */

import { resolve } from "node:path";
import {
  type Dataset,
  fileName,
  gridOf,
  labelledCase,
  labelsAt,
  modalitiesOf,
  readLabels,
  toAnatomical,
} from "../data/mod.ts";
import {
  EvalError,
  everyFormat,
  readRunFolder,
  type ReportCase,
  reportHtml,
  runFiles,
  type RunResults,
  setTables,
  type TestSet,
  testSets,
} from "../eval/mod.ts";
import { renamed } from "../eval/report/run_results.ts";
import { prepareOutputs } from "./outputs.ts";
import { dataOptions, openData, phantomOf } from "./open_data.ts";
import { type Command, main, requiredText, type Result, text, UsageError } from "./command.ts";

/** Reads the finished ones of several folders, and says which others are left out and why. */
async function readRuns(folders: readonly string[]): Promise<{ folder: string; run: RunResults }[]> {
  const found: { folder: string; run: RunResults }[] = [], left: EvalError[] = [];
  for (const folder of folders) {
    try {
      found.push({ folder, run: await readRunFolder(folder) });
    } catch (error) {
      const isLeftOut = error instanceof EvalError &&
        ["report.unfinished", "report.folder"].includes(error.code);
      if (!isLeftOut) throw error;
      left.push(error);
    }
  }
  if (found.length === 0) throw left[0]!;
  for (const { code, message } of left) console.error(`warning[${code}]: ${message}; it is left out`);
  return distinct(found);
}

/** Runs whose folders have one name, such as of two label ratios, are named with as much of their paths as tells them apart. */
function distinct<T extends { readonly folder: string; readonly run: RunResults }>(found: readonly T[]): T[] {
  const end = (folder: string, parts: number) => resolve(folder).split(/[\\/]/).slice(-parts).join("/");
  return found.map((one) => {
    const others = found.filter(({ folder }) => resolve(folder) !== resolve(one.folder));
    let parts = 1;
    while (others.some(({ folder }) => end(folder, parts) === end(one.folder, parts))) parts++;
    return parts === 1 ? one : { ...one, run: renamed(one.run, { name: end(one.folder, parts) }) };
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Image, reference and all predictions of each test case and modality of the runs made on a data set. */
async function testCases(
  dataset: Dataset,
  runs: readonly { folder: string; run: RunResults }[],
): Promise<ReportCase[]> {
  const ids = [...new Set(runs.flatMap(({ run }) => run.records.map((r) => r.case)))];
  const found: ReportCase[] = [];
  for (const id of ids) {
    const of = labelledCase(dataset, id);
    const [images, labels] = [await dataset.loadImages(of), await dataset.loadLabels(of)];
    for (const [i, { id: modality }] of modalitiesOf(dataset, of).entries()) {
      const predictions = new Map<string, ReportCase["reference"]>();
      for (const { folder, run } of runs) {
        const path = `${folder}/predictions/${fileName(id, modality)}.nii.gz`;
        if (await exists(path)) predictions.set(run.name, toAnatomical(await readLabels(path)));
      }
      found.push({
        case: id,
        modality,
        image: toAnatomical(images[i]!),
        reference: toAnatomical(labelsAt(labels[i]!, gridOf(images[i]!))),
        predictions,
      });
    }
  }
  return found;
}

/** The runs that were made on a data set: all of one test set, or by its name those of several. */
function runsOn(
  dataset: Dataset,
  read: readonly { folder: string; run: RunResults }[],
  sets: readonly TestSet[],
): { folder: string; run: RunResults }[] {
  if (sets.length === 1) return [...read];
  const nameOf = (run: RunResults): unknown => (run.config.dataset as { name?: string } | undefined)?.name;
  const own = read.filter(({ run }) => nameOf(run) === dataset.name);
  if (own.length > 0) return own;
  throw new EvalError(
    "report.data",
    `--data is ${dataset.name}; the runs were made on ${
      [...new Set(read.map(({ run }) => nameOf(run)))].join(", ")
    }`,
    { fix: "Give the data set of some of the runs, or leave --data out." },
  );
}

/** The comparison table and the tests of each test set in every format, by file name behind the stem. */
function tableFiles(sets: readonly TestSet[], baseline: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const [i, set] of sets.entries()) {
    const place = sets.length === 1 ? "" : `.${i + 1}`, tables = setTables(set, baseline);
    for (const [name, model] of [["table", tables?.costs], ["tests", tables?.tests]] as const) {
      if (model === undefined) continue; // runs without test cases, or of one method
      for (const [ending, text] of everyFormat(model)) files.set(`${place}.${name}.${ending}`, text);
    }
  }
  return files;
}

/** What `deno task report` does. */
export const command: Command = {
  name: "report",
  summary:
    "Writes one self-contained HTML file about finished runs: what was run, tables, significance tests,\n" +
    "plots, costs, and with --data overlays and a slice viewer. Runs of one method and label ratio are seeds; runs\n" +
    "tested on other cases get tables of their own. Tables and tests are also written beside the page (.md, .csv,\n" +
    ".tex, .json, .html). Unfinished runs are named and left out.",
  positional: "RUN…",
  options: {
    out: { value: "FILE.html", help: "where to write; tables of the runs go beside it" },
    ...dataOptions,
    baseline: {
      value: "METHOD",
      help: "method to compare with (supervised when there is one, else the first)",
    },
    title: { value: "TEXT", help: "title of the report" },
  },
  examples: [
    "runs/cmc-seed0 runs/supervised-seed0 --out report.html",
    "runs/cmc-seed0 --data scans/ --out report.html",
  ],
  async run(values, folders): Promise<Result> {
    const out = requiredText(values, "out");
    if (folders.length === 0) throw new UsageError("no run folder is named", "See --help.");
    if (!out.endsWith(".html")) throw new UsageError(`--out ${out}: expected a name in .html`);
    const read = await readRuns(folders), runs = read.map(({ run }) => run);
    const methods = new Set(runs.map((run) => run.method));
    const baseline = text(values, "baseline") ?? (methods.has("supervised") ? "supervised" : runs[0]!.method);
    if (!methods.has(baseline)) {
      throw new EvalError(
        "report.baseline",
        `no run is ${baseline}; the methods are ${[...methods].join(", ")}`,
        { fix: "Name one of these methods with --baseline." },
      );
    }
    const sets = testSets(runs), stem = out.slice(0, -".html".length);
    const tables = tableFiles(sets, baseline);
    const written = [out, ...[...tables.keys()].map((name) => stem + name)];
    await prepareOutputs(written, folders.flatMap((folder) => runFiles.map((name) => `${folder}/${name}`)));
    const dataset = await openData(values) ?? phantomOf(runs);
    const title = text(values, "title");
    const html = reportHtml(runs, {
      baseline,
      ...(title !== undefined && { title }),
      date: new Date().toISOString().slice(0, 10),
      ...(dataset &&
        { cases: await testCases(dataset, runsOn(dataset, read, sets)), classes: dataset.classes }),
    });
    await Deno.writeTextFile(out, html);
    for (const [name, content] of tables) await Deno.writeTextFile(stem + name, content);
    if (sets.length > 1) {
      console.error(
        `warning[report.sets]: the runs were tested on ${sets.length} different sets of cases; each has tables of its own: ` +
          sets.map(({ name }, i) => `${i + 1} ${name}`).join("; "),
      );
    }
    return {
      text: written.join("\n"),
      json: {
        written,
        sets: sets.map((set) => ({ name: set.name, runs: set.runs.map(({ name }) => name) })),
      },
    };
  },
};

if (import.meta.main) await main(command);
