/**
 * Writes the tables, plots and report about many runs into a folder.
 *
 * @module
 */

import { collectionFiles, type CollectionOptions, type RunResults, testSets } from "../eval/mod.ts";
import type { Result } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";

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
  const tables = [...files].filter(([name]) => /^results.*\.md$/.test(name)).map(([, text]) => text);
  const sets = testSets(runs);
  if (sets.length > 1) {
    const names = sets.map(({ name }, i) => `${i + 1} ${name}`).join("; ");
    console.error(
      `warning[report.sets]: the runs were tested on ${sets.length} different sets of cases; each has tables of its own: ${names}`,
    );
  }
  return { text: [...tables, `${folder}/report.html`].join("\n"), json: { written: paths } };
}
