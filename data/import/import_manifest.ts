/**
 * Reads any description of a data set that we know as a manifest.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { z } from "../deps.ts";
import { DataError } from "../errors.ts";
import { diskFiles, type Files, readBytes } from "../files.ts";
import { importCmcList } from "./cmc_list.ts";
import { importDecathlon } from "./decathlon.ts";
import { importFolder } from "./folder.ts";
import { decodeText, parseJson } from "../json.ts";
import { type Manifest, parseManifest, schemaProblems } from "../manifest.ts";
import { splitsSchema } from "../split_file.ts";

/** A manifest that gives the pattern of the file names in place of the list of cases. */
const recipe = z.strictObject({
  version: z.literal(1).optional(),
  name: z.string().min(1),
  root: z.string().optional(),
  images: z.string(),
  labels: z.string().optional(),
  modalities: z.array(z.strictObject({
    id: z.string().min(1),
    kind: z.enum(["ct", "mr", "other"]),
    derivedFrom: z.string().optional(),
  })).min(1),
  classes: z.array(z.strictObject({ id: z.int(), name: z.string().min(1) })).min(1),
  labelMap: z.record(z.string(), z.int()).optional(),
  aligned: z.boolean().optional(),
  splits: splitsSchema.optional(),
});

/**
 * Follows the recipe in a file, see {@link followRecipe}.
 *
 * @throws {DataError} `data.path`, `manifest.*`
 */
export async function importRecipe(
  path: string,
  folder?: string,
  files: Files = diskFiles,
): Promise<Manifest> {
  return await followRecipe(decodeText(await readBytes(files, path), path), path, folder);
}

/**
 * Follows a recipe: a JSON file with the fields of `FolderPattern`, and optionally `root` (the folder it describes,
 * from the recipe's own) and `splits`.
 *
 * @param path of the recipe
 * @param folder to follow it in, instead of its `root`
 * @throws {DataError} `manifest.*`
 */
export async function followRecipe(text: string, path: string, folder?: string): Promise<Manifest> {
  const parsed = recipe.safeParse(parseJson(text, path));
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { version: _, root = ".", labels, labelMap, aligned, splits, modalities, ...rest } = parsed.data;
  const manifest = await importFolder(folder ?? resolve(dirname(path), root), {
    ...rest,
    modalities: modalities.map(({ derivedFrom, ...of }) =>
      derivedFrom === undefined ? of : { ...of, derivedFrom }
    ),
    ...(labels === undefined ? {} : { labels }),
    ...(labelMap === undefined ? {} : { labelMap }),
    ...(aligned === undefined ? {} : { aligned }),
  });
  return splits === undefined ? manifest : { ...manifest, splits };
}

/**
 * Parses our manifest, a recipe (see {@link followRecipe}), a Medical Segmentation Decathlon `dataset.json` or the list of the CMC authors.
 *
 * @param path of the text; a recipe lists the files below its folder, or below its `root`
 * @throws {DataError} `manifest.*`
 */
export async function importManifest(text: string, path: string): Promise<Manifest> {
  const content = parseJson(text, path);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new DataError("manifest.schema", `${path} is no manifest: expected a JSON object`, {
      fix: "See the JSON Schema of the manifest, or let an importer write one.",
    });
  }
  const keys = content as Record<string, unknown>;
  if (Array.isArray(keys.training)) {
    const first: unknown = keys.training[0];
    const paired = typeof first === "object" && first !== null &&
      Object.keys(first).some((key) => key.startsWith("img_"));
    return paired ? importCmcList(content, path) : importDecathlon(content, path);
  }
  return typeof keys.images === "string" ? await followRecipe(text, path) : parseManifest(text, path);
}
