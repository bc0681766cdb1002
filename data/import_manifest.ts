/**
 * Reads the manifests of others as ours.
 *
 * @module
 */

import { DataError } from "./errors.ts";
import { type Manifest, parseJson, parseManifest } from "./manifest.ts";

/**
 * Parses a manifest in any of the formats we know.
 *
 * @throws {DataError} `manifest.*`
 */
export function importManifest(text: string, path: string): Manifest {
  const content = parseJson(text, path);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new DataError("manifest.schema", `${path} is no manifest: expected a JSON object`);
  }
  return parseManifest(text, path);
}
