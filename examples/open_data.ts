/**
 * The options by which a command is told its data set.
 *
 * @module
 */

import {
  type Dataset,
  datasetOf,
  type FileDataset,
  importRecipe,
  makePhantom,
  openDataset,
  type PhantomOptions,
} from "../data/mod.ts";
import type { RunResults } from "../eval/mod.ts";
import { type Option, text, UsageError, type Values } from "./command.ts";

/** `--data` and `--recipe`. */
export const dataOptions: Readonly<Record<"data" | "recipe", Option>> = {
  data: { value: "DIR|FILE", help: "the data set of the runs: its manifest, or folder with a dataset.json" },
  recipe: { value: "FILE", help: "file-name pattern (JSON) that makes a manifest of the folder --data" },
};

/** The data set that `--data` and `--recipe` name, if they do. */
export async function openData(values: Values): Promise<FileDataset | undefined> {
  const path = text(values, "data"), recipe = text(values, "recipe");
  if (path === undefined) {
    if (recipe !== undefined) {
      throw new UsageError("--recipe needs the folder it describes", "Give it with --data.");
    }
    return undefined;
  }
  if (recipe === undefined) return await openDataset(path);
  return datasetOf(await importRecipe(recipe, path), path);
}

/** The phantom that the settings of a run describe, if they do. */
export function phantomOf({ config }: RunResults): Dataset | undefined {
  const source = (config.dataset as { source?: { kind?: string; options?: unknown } } | undefined)?.source;
  return source?.kind === "phantom" ? makePhantom(source.options as PhantomOptions) : undefined;
}
