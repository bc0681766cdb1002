/**
 * A split as JSON: four lists of case ids.
 *
 * @module
 */

import { z } from "./deps.ts";
import { diskFiles, type Files } from "./files.ts";
import { DataError } from "./errors.ts";
import { readJson } from "./json.ts";
import type { Split } from "./split.ts";

const ids = z.array(
  z.string({ error: ({ input }) => `${JSON.stringify(input)} is no text; ids are written "like this"` }),
);
const parts = { labelled: ids, unlabelled: ids, validation: ids, test: ids };

/** Case ids of each part of a split, and nothing else. */
export const splitsSchema: z.ZodType<Split> = z.strictObject(parts);

/**
 * Reads a split: a JSON file with the lists `labelled`, `unlabelled`, `validation` and `test`, such as the `split.json`
 * of a run, whose other entries are not looked at.
 *
 * @throws {DataError} `data.path`, `manifest.json`, `split.file` with the place of each problem
 */
export async function readSplit(path: string, files: Files = diskFiles): Promise<Split> {
  const parsed = z.object(parts).safeParse(await readJson(path, files));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 5).map(({ path: at, message }) =>
    `${at.length > 0 ? at.map(String).join(".") : "top level"}: ${message}`
  );
  throw new DataError("split.file", `${path} is no split: ${issues.join("; ")}`, {
    fix: "Write lists of case ids named labelled, unlabelled, validation and test.",
  });
}
