/**
 * The options by which a command is told its data set.
 *
 * @module
 */

import {
  type Dataset,
  datasetOf,
  type DatasetSource,
  type DataWarning,
  type FileDataset,
  importRecipe,
  makePhantom,
  type NanPolicy,
  openDataset,
  type OpenOptions,
  type PhantomOptions,
} from "../data/mod.ts";
import type { RunResults } from "../eval/mod.ts";
import { type Option, text, UsageError, type Values } from "./command.ts";

/** The modalities that `--modalities` names. */
export const modalityList = (names: string): string[] => names.split(",").map((id) => id.trim());

/** `--data`, `--recipe`, `--modalities` and `--nan`. */
export const dataOptions: Readonly<Record<"data" | "recipe" | "modalities" | "nan", Option>> = {
  data: { value: "DIR|FILE", help: "the data set of the runs: its manifest, or folder with a dataset.json" },
  recipe: { value: "FILE", help: "file-name pattern (JSON) that makes a manifest of the folder --data" },
  modalities: { value: "A,B", help: "use only these modalities of the data set --data" },
  nan: {
    value: "WHAT",
    help: "error: refuse images with NaN or infinite voxels (the default), or zero: set them to 0",
  },
};

/** Warnings of one kind that are printed; a data set may have the same oddity in every file. */
const shownOfAKind = 3;

/** Prints the first warnings of each kind, each once, however often its file is read. */
export function printWarnings(print: (line: string) => void = console.error): (warning: DataWarning) => void {
  const seen = new Map<string, Set<string>>();
  return ({ code, message }) => {
    const kind = seen.get(code) ?? new Set();
    seen.set(code, kind);
    if (kind.has(message) || kind.size > shownOfAKind) return;
    kind.add(message);
    print(
      kind.size > shownOfAKind
        ? `warning[${code}]: there are more of this kind; deno task verify lists all`
        : `warning[${code}]: ${message}`,
    );
  };
}

/** What `--nan` says. */
export function nanPolicyOf(values: Values): NanPolicy {
  const policy = text(values, "nan") ?? "error";
  if (policy === "error" || policy === "zero") return policy;
  throw new UsageError(`--nan ${policy}: expected error or zero`);
}

/** The data set that `--data`, `--recipe`, `--modalities` and `--nan` describe, if they do. */
export async function openData(
  values: Values,
  onWarning: (warning: DataWarning) => void = printWarnings(),
): Promise<FileDataset | undefined> {
  const path = text(values, "data"),
    recipe = text(values, "recipe"),
    modalities = text(values, "modalities"),
    nanPolicy = nanPolicyOf(values);
  if (path === undefined) {
    for (const name of ["recipe", "modalities"]) {
      if (values[name] === undefined) continue;
      throw new UsageError(`--${name} needs a data set`, "Give its folder or manifest with --data.");
    }
    return undefined;
  }
  return await openAt(path, recipe, {
    nanPolicy,
    onWarning,
    ...(modalities === undefined ? {} : { modalities: modalityList(modalities) }),
  });
}

/** The data set at a path, by its manifest or a recipe. */
export async function openAt(
  path: string,
  recipe: string | undefined,
  options: OpenOptions,
): Promise<FileDataset> {
  if (recipe === undefined) return await openDataset(path, options);
  return datasetOf(await importRecipe(recipe, { folder: path, onWarning: options.onWarning }), path, options);
}

/** The phantom that the settings of runs describe, if they all describe the same one. */
export function phantomOf(runs: readonly RunResults[]): Dataset | undefined {
  const recipes = runs.map(({ config }) =>
    (config.dataset as { source?: DatasetSource } | undefined)?.source
  );
  const [recipe] = recipes;
  if (recipe?.kind !== "phantom") return undefined;
  const isShared = recipes.every((other) => JSON.stringify(other) === JSON.stringify(recipe));
  return isShared ? makePhantom(recipe.options as PhantomOptions) : undefined;
}
