/**
 * Reads any description of a data set that we know as a manifest.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { z } from "./deps.ts";
import { DataError } from "./errors.ts";
import { importCmcList } from "./import_cmc_list.ts";
import { importDecathlon } from "./import_decathlon.ts";
import { importFolder } from "./import_folder.ts";
import { type Manifest, parseJson, parseManifest, schemaProblems, splitsSchema } from "./manifest.ts";

/** A manifest that gives the pattern of the file names in place of the list of cases. */
const recipe = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1),
  root: z.string().optional(),
  images: z.string(),
  labels: z.string().optional(),
  modalities: z.array(z.strictObject({ id: z.string().min(1), kind: z.enum(["ct", "mr", "other"]) })).min(1),
  classes: z.array(z.strictObject({ id: z.int(), name: z.string().min(1) })).min(1),
  labelMap: z.record(z.string(), z.int()).optional(),
  aligned: z.boolean().optional(),
  splits: splitsSchema.optional(),
});

/**
 * Parses our manifest, a recipe (the same with `images` and `labels` patterns in place of `cases`, see
 * `FolderPattern`), a Medical Segmentation Decathlon `dataset.json` or the list of the CMC authors.
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
  if (typeof keys.images !== "string") return parseManifest(text, path);
  const parsed = recipe.safeParse(content);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { version: _, root = ".", labels, labelMap, aligned, splits, ...rest } = parsed.data;
  const manifest = await importFolder(resolve(dirname(path), root), {
    ...rest,
    ...(labels === undefined ? {} : { labels }),
    ...(labelMap === undefined ? {} : { labelMap }),
    ...(aligned === undefined ? {} : { aligned }),
  });
  return splits === undefined ? manifest : { ...manifest, splits };
}
