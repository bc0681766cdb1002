/**
 * Recipes: manifests that give the patterns of the file names in place of the list of cases.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { z } from "../deps.ts";
import type { DataWarning } from "../errors.ts";
import { diskFiles, type Files } from "../files.ts";
import { parseJson, readText } from "../json.ts";
import { type Manifest, schemaProblems } from "../manifest.ts";
import { splitsSchema } from "../split_file.ts";
import { type FolderManifest, type FolderPattern, importFolder } from "./folder.ts";

const patterns = z.union([
  z.string(),
  z.record(z.string(), z.string()).refine(
    (of) => Object.keys(of).length > 0,
    "expected a pattern for each modality",
  ),
]);

const schema = z.strictObject({
  version: z.literal(1).optional(),
  name: z.string().min(1),
  root: z.string().optional(),
  images: patterns,
  labels: patterns.optional(),
  modalities: z.array(z.strictObject({
    id: z.string().min(1),
    kind: z.enum(["ct", "mr", "other"]),
    derivedFrom: z.string().optional(),
    as: z.string().min(1).optional(),
  })).min(1),
  classes: z.array(z.strictObject({ id: z.int(), name: z.string().min(1) })).min(1),
  labelMap: z.record(z.string(), z.int()).optional(),
  paired: z.boolean().optional(),
  aligned: z.boolean().optional(),
  splits: splitsSchema.optional(),
});

/** How to follow a recipe. */
export interface RecipeOptions {
  /** The folder to follow it in, instead of its `root`. */
  readonly folder?: string | undefined;
  /** Where the recipe comes from; this computer's disk when absent. */
  readonly files?: Files | undefined;
  /** Called with every reason for which files are left out, and with the cases that lack an image. */
  readonly onWarning?: ((warning: DataWarning) => void) | undefined;
}

/**
 * Follows the recipe in a file, see {@link followRecipe}.
 *
 * @throws {DataError} `data.path`, `manifest.*`
 */
export async function importRecipe(path: string, options: RecipeOptions = {}): Promise<Manifest> {
  const text = await readText(options.files ?? diskFiles, path);
  return (await followRecipe(text, path, options)).manifest;
}

/**
 * Follows a recipe: a JSON file with the fields of `FolderPattern`, and optionally `root` (the folder it describes,
 * from the recipe's own) and `splits`.
 *
 * @param path of the recipe
 * @throws {DataError} `manifest.*`
 */
export async function followRecipe(
  text: string,
  path: string,
  { folder, onWarning = () => {} }: RecipeOptions = {},
): Promise<FolderManifest> {
  const parsed = schema.safeParse(parseJson(text, path));
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { version: _, root = ".", splits, ...pattern } = parsed.data;
  // Zod types what is optional as possibly undefined; what is absent stays absent.
  const found = await importFolder(folder ?? resolve(dirname(path), root), pattern as FolderPattern);
  found.warnings.forEach(onWarning);
  return splits === undefined ? found : { ...found, manifest: { ...found.manifest, splits } };
}
