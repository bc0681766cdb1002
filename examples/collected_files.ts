/**
 * Writes the tables, plots and report about many runs into a folder.
 *
 * @module
 */

import {
  collectionFiles,
  type CollectionOptions,
  renderTable,
  type RunResults,
  setTables,
  tableParts,
  type TestSet,
  testSets,
} from "../eval/mod.ts";
import type { Result } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";

/** As many columns of numbers fit into the lines of a terminal. */
const columnsOfTerminal = 4;

/** The results of a test set for a terminal: a wide table in parts, with its caption below the last. */
function shownResults(set: TestSet, baseline: string): string[] {
  const { results, last } = setTables(set, baseline) ?? {};
  return [results, last].flatMap((table) => {
    if (table === undefined) return [];
    const parts = tableParts(table, columnsOfTerminal).map((part) => renderTable(part, "markdown"));
    return parts.map((text, i) => i + 1 < parts.length ? `${text.slice(0, text.indexOf("\n\n"))}\n` : text);
  });
}

/**
 * Writes everything that is said about runs together, and gives back the table of results.
 *
 * @param inputs files that must not be written over
 */
export async function writeCollection(
  runs: readonly RunResults[],
  folder: string,
  options: Omit<CollectionOptions, "date">,
  inputs: readonly string[] = [],
): Promise<Result> {
  const files = collectionFiles(runs, { ...options, date: new Date().toISOString().slice(0, 10) });
  const paths = [...files.keys()].map((name) => `${folder}/${name}`);
  await prepareOutputs(paths, inputs);
  for (const [name, content] of files) await Deno.writeTextFile(`${folder}/${name}`, content);
  const sets = testSets(runs), tables = sets.flatMap((set) => shownResults(set, options.baseline));
  if (sets.length > 1) {
    const names = sets.map(({ name }, i) => `${i + 1} ${name}`).join("; ");
    console.error(
      `warning[report.sets]: the runs were tested on ${sets.length} different sets of cases; each has tables of its own: ${names}`,
    );
  }
  return { text: [...tables, `${folder}/report.html`].join("\n"), json: { written: paths } };
}
