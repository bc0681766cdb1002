/**
 * Writes one self-contained HTML file about finished runs.
 *
 * ```sh
 * deno task report runs/cmc-seed0 runs/cmc-seed1 --data DIR --out report.html
 * ```
 *
 * @module
 */

import { type Dataset, fileName, labelledCase, modalitiesOf, readLabels, toAnatomical } from "../data/mod.ts";
import {
  comparisonTable,
  EvalError,
  readRunFolder,
  type ReportCase,
  reportHtml,
  type RunResults,
  tagRecords,
} from "../eval/mod.ts";
import { dataOptions, openData, phantomOf } from "./open_data.ts";
import { type Command, main, requiredText, type Result, text, UsageError } from "./command.ts";

const table = { markdown: "md", csv: "csv", latex: "tex", json: "json", html: "html" } as const;

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Image, reference and all predictions of each test case and modality. */
async function testCases(
  dataset: Dataset,
  folders: readonly string[],
  runs: readonly RunResults[],
): Promise<ReportCase[]> {
  const ids = [...new Set(runs.flatMap((run) => run.records.map((r) => r.case)))];
  const found: ReportCase[] = [];
  for (const id of ids) {
    const of = labelledCase(dataset, id);
    const [images, labels] = [await dataset.loadImages(of), await dataset.loadLabels(of)];
    for (const [i, { id: modality }] of modalitiesOf(dataset, of).entries()) {
      const predictions: Record<string, ReportCase["reference"]> = {};
      for (const [r, run] of runs.entries()) {
        const path = `${folders[r]}/predictions/${fileName(id, modality)}.nii.gz`;
        if (await exists(path)) predictions[run.name] = toAnatomical(await readLabels(path));
      }
      found.push({
        case: id,
        modality,
        image: toAnatomical(images[i]!),
        reference: toAnatomical(labels[i]!),
        predictions,
      });
    }
  }
  return found;
}

const command: Command = {
  name: "report",
  summary:
    "Writes one self-contained HTML file about finished runs: what was run, tables, significance tests,\n" +
    "plots, costs, and with --data overlays and a slice viewer. Runs of one method and label ratio are seeds.",
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
  async run(values, folders): Promise<Result> {
    const out = requiredText(values, "out");
    if (folders.length === 0) throw new UsageError("no run folder is named", "See --help.");
    if (!out.endsWith(".html")) throw new UsageError(`--out ${out}: expected a name in .html`);
    const runs: RunResults[] = [];
    for (const folder of folders) runs.push(await readRunFolder(folder));
    const methods = new Set(runs.map((run) => run.method));
    const baseline = text(values, "baseline") ?? (methods.has("supervised") ? "supervised" : runs[0]!.method);
    if (!methods.has(baseline)) {
      throw new EvalError(
        "report.baseline",
        `no run is ${baseline}; the methods are ${[...methods].join(", ")}`,
        {
          fix: "Name one of these methods with --baseline.",
        },
      );
    }
    const dataset = await openData(values) ?? phantomOf(runs);
    const title = text(values, "title");
    const html = reportHtml(runs, {
      baseline,
      ...(title !== undefined && { title }),
      ...(dataset && { cases: await testCases(dataset, folders, runs), classes: dataset.classes }),
    });
    await Deno.writeTextFile(out, html);
    const records = runs.flatMap((run) => tagRecords(run.records, { ...run, run: run.name }));
    const stem = out.slice(0, -".html".length), written = [out];
    for (const [format, ending] of Object.entries(table) as [keyof typeof table, string][]) {
      const path = `${stem}.table.${ending}`;
      await Deno.writeTextFile(
        path,
        comparisonTable(records, { format, ...(methods.size > 1 && { baseline }) }),
      );
      written.push(path);
    }
    return { text: written.join("\n"), json: { written } };
  },
};

if (import.meta.main) await main(command);
