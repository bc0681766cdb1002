/**
 * Reads any description of a data set that we know as a manifest.
 *
 * @module
 */

import { DataError, type DataWarning } from "../errors.ts";
import { parseJson } from "../json.ts";
import { type Manifest, parseManifest } from "../manifest.ts";
import { importCmcList } from "./cmc_list.ts";
import { importDecathlon } from "./decathlon.ts";
import { importNnunet } from "./nnunet.ts";
import { followRecipe } from "./recipe.ts";

/**
 * Parses our manifest, a recipe (see {@link followRecipe}), the `dataset.json` of the Medical Segmentation Decathlon,
 * of MONAI or of nnU-Net v2, or the list of the CMC authors.
 *
 * @param path of the text; a recipe lists the files below its folder, or below its `root`
 * @param onWarning called with what is not used of the description or the folder
 * @throws {DataError} `manifest.*`
 */
export async function importManifest(
  text: string,
  path: string,
  onWarning: (warning: DataWarning) => void = () => {},
): Promise<Manifest> {
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
    return paired ? importCmcList(content, path) : importDecathlon(content, path, onWarning);
  }
  if (keys.channel_names !== undefined) return await importNnunet(content, path, onWarning);
  if (keys.images !== undefined && keys.cases === undefined) {
    return (await followRecipe(text, path, { onWarning })).manifest;
  }
  return parseManifest(text, path);
}
