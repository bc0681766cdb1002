/**
 * Writes the manifest of a folder of scans by a recipe, and says what is in it and what is not.
 *
 * ```sh
 * deno task manifest data/brats --recipe examples/recipes/brats_whole_tumour.json --out data/brats/dataset.json
 * ```
 *
 * @module
 */

import { basename, dirname, join, relative, resolve } from "node:path";
import {
  DataError,
  diskFiles,
  type FolderManifest,
  followRecipe,
  listFiles,
  readLabels,
  readText,
  suggestRecipe,
} from "../data/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import { type Command, main, type Result, text, UsageError, type Values } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";
import { say } from "./terminal.ts";

/** What `deno task manifest` does. */
export const command: Command = {
  name: "manifest",
  summary: "Writes the manifest (dataset.json) of a folder of scans by a recipe of file-name patterns,\n" +
    "and lists what matched, what did not and why. Without --out it only lists; without --recipe it guesses a recipe " +
    "from the names of the files, to start from.",
  positional: "DIR",
  options: {
    recipe: { value: "FILE", help: "file-name patterns, modalities and classes (JSON)" },
    out: { value: "FILE.json", help: "manifest to write; an existing file is left as it is" },
    overwrite: { help: "replace an existing --out" },
  },
  examples: [
    "scans",
    "BraTS --recipe examples/recipes/brats_whole_tumour.json --out BraTS/dataset.json",
  ],
  run,
};

async function run(values: Values, positionals: readonly string[]): Promise<Result> {
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) {
    throw new UsageError("expected one folder", "deno task manifest DIR --recipe FILE");
  }
  const recipe = text(values, "recipe"), out = text(values, "out");
  if (recipe === undefined) return await guess(folder);
  if (out !== undefined) await prepareOutputs([out], [recipe]);
  const found = await followRecipe(await readText(diskFiles, recipe), recipe, { folder });
  if (out !== undefined) {
    const root = relative(resolve(dirname(out)), resolve(folder)) || ".";
    await write(out, JSON.stringify({ ...found.manifest, root }, null, 2), values.overwrite === true);
  }
  const { cases } = found.manifest;
  return {
    text: summary(found, out),
    json: { out: out ?? null, cases: cases.length, left: found.left, warnings: found.warnings },
  };
}

/** A recipe by the names of the files, with the values that a label file has as its classes. */
async function guess(folder: string): Promise<Result> {
  const { files } = await listFiles(folder);
  const found = suggestRecipe(files, basename(resolve(folder)));
  if (found === undefined) {
    throw new DataError(
      "manifest.pattern",
      `no way of naming is seen in ${files.length} files, such as ${files.slice(0, 3).join(", ")}`,
      { fix: "Write a recipe: examples/recipes/README.md says how. Give it with --recipe." },
    );
  }
  const values = new Set<number>();
  if (found.labelFile !== undefined) {
    const { array } = await readLabels(join(folder, found.labelFile));
    for (const value of array.data as Uint8Array) if (value !== 0) values.add(value);
  }
  const classes = [...values].sort((a, b) => a - b).map((id) => ({ id, name: `class ${id}` }));
  const recipe = { ...found.recipe, classes };
  say(
    'This is a guess. Save it (> recipe.json), name the classes, correct each "kind" (ct, mr, other), and see what it ' +
      `matches:\n  deno task manifest ${folder} --recipe recipe.json`,
  );
  return { text: JSON.stringify(recipe, null, 2), json: { recipe } };
}

async function write(path: string, content: string, overwrite: boolean): Promise<void> {
  try {
    await Deno.writeTextFile(path, `${content}\n`, overwrite ? {} : { createNew: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const exists = cause instanceof Deno.errors.AlreadyExists;
    throw new CodedError(
      "io.write",
      `${path} ${exists ? "is already there" : `cannot be written: ${cause}`}`,
      {
        cause,
        fix: exists
          ? "Choose another name, or give --overwrite."
          : "Check that its folder exists and is writable.",
      },
    );
  }
}

function summary(
  { manifest: { name, modalities, cases, paired }, left, warnings }: FolderManifest,
  out?: string,
): string {
  const subjects = new Set(cases.map(({ subject }) => subject)).size;
  const labelled = cases.filter(({ labels }) => labels !== undefined).length;
  const counts = modalities.map(({ id }) =>
    `${id} ${cases.filter(({ images }) => Object.hasOwn(images, id)).length}`
  );
  return [
    `${name}: ${cases.length} cases of ${subjects} subjects, ${labelled} with labels; images: ${
      counts.join(", ")
    }` +
    (paired ? "" : " (unpaired)"),
    ...cases.map(({ id, images, labels }) =>
      `  ${id}: ${[...Object.values(images), ...new Set(Object.values(labels ?? {}))].join(", ")}`
    ),
    `${left.length} files are not used${left.length > 0 ? ":" : ""}`,
    ...left.map(({ path, why }) => `  ${path} ${why}`),
    ...warnings.filter(({ code }) => code !== "manifest.left-out").map(({ code, message }) =>
      `warning[${code}]: ${message}`
    ),
    ...out === undefined ? [] : [`written: ${out}`],
  ].join("\n");
}

if (import.meta.main) await main(command);
