/**
 * The manifest: the JSON file that says what a folder of scans holds.
 *
 * @module
 */

import { byCodePoint } from "./dataset.ts";
import { z } from "./deps.ts";
import { DataError } from "./errors.ts";
import type { Split } from "./split.ts";

const idSchema = z.string().min(1).max(200).regex(/^[^/\\|]+$/, "an id has no /, \\ or |");
const paths = z.record(idSchema, z.string().min(1));

/** Case ids of each part of a split. */
export const splitsSchema: z.ZodType<Split> = z.strictObject({
  labelled: z.array(z.string()),
  unlabelled: z.array(z.string()),
  validation: z.array(z.string()),
  test: z.array(z.string()),
});

const schema = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1).describe("Version of this format."),
  name: z.string().min(1).describe("Name of the data set in tables and reports."),
  root: z.string().optional().describe("Folder the paths start from; the manifest's own folder when absent."),
  modalities: z.array(z.strictObject({
    id: idSchema,
    kind: z.enum(["ct", "mr", "other"]).describe("ct: Hounsfield units; the others: arbitrary units."),
    derivedFrom: idSchema.optional().describe("The modality this one was computed from, if it was."),
  })).min(1),
  classes: z.array(z.strictObject({
    id: z.int().min(1).max(255).describe("Label value, 1 … K without gaps; 0 is background and not listed."),
    name: z.string().min(1),
  })).min(1),
  labelMap: z.record(z.string().regex(/^-?\d+$/), z.int().min(0).max(255)).optional()
    .describe("Label to use for each value stored in the files; without it the values are the labels."),
  paired: z.boolean().describe("Every case has all modalities, of the same person."),
  aligned: z.boolean().describe(
    "The modalities of a case share one space, voxel by voxel or by their affines.",
  ),
  cases: z.array(z.strictObject({
    id: idSchema,
    subject: idSchema.describe("The person; all cases of a person stay in one part of a split."),
    images: paths.describe("Path of the image of each modality."),
    labels: paths.optional().describe(
      'Path of the labels of each modality, or of all of them under "shared".',
    ),
  })).min(1),
  splits: splitsSchema.optional().describe(
    "Case ids of each part; without it the split is drawn by label ratio.",
  ),
});

/** The content of a manifest. */
export interface Manifest {
  /** Address of the JSON Schema, for editors. */
  readonly $schema?: string | undefined;
  /** Version of the format. */
  readonly version: 1;
  /** Name of the data set. */
  readonly name: string;
  /** Folder the paths start from; the manifest's own folder when absent. */
  readonly root?: string | undefined;
  /** The modalities, in the order of the networks' encoders. */
  readonly modalities: readonly {
    readonly id: string;
    readonly kind: "ct" | "mr" | "other";
    readonly derivedFrom?: string | undefined;
  }[];
  /** The foreground classes, ids 1 … K. */
  readonly classes: readonly { readonly id: number; readonly name: string }[];
  /** Label for each stored value; without it the stored values are the labels. */
  readonly labelMap?: Readonly<Record<string, number>> | undefined;
  /** Every case has all modalities of the same person. */
  readonly paired: boolean;
  /** The modalities of a case share one space. */
  readonly aligned: boolean;
  /** The cases. */
  readonly cases: readonly {
    readonly id: string;
    readonly subject: string;
    readonly images: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>> | undefined;
  }[];
  /** Case ids of each part. */
  readonly splits?: Split | undefined;
}

/** The JSON Schema of the manifest, for editors and other programs. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(schema) as Record<string, unknown>;
}

/**
 * Parses and checks the text of a manifest. Cases come out by code point of their ids.
 *
 * @param path for messages
 * @throws {DataError} `manifest.json` with line and column, `manifest.schema` with the place of each problem,
 * `manifest.case`, `manifest.classes`, `manifest.modalities`, `manifest.path`, `manifest.unpaired`
 */
export function parseManifest(text: string, path: string): Manifest {
  const parsed = schema.safeParse(parseJson(text, path));
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  return checkManifest(parsed.data, path);
}

/**
 * Checks what a schema cannot say: that ids are unique and refer to each other.
 *
 * @throws {DataError} as {@link parseManifest}
 */
export function checkManifest(manifest: Manifest, path: string): Manifest {
  const { modalities, classes, paired, cases, labelMap } = manifest;
  const refuse = (code: string, what: string, fix: string): never => {
    throw new DataError(`manifest.${code}`, `${path}: ${what}`, { fix });
  };
  const known = modalities.map(({ id }) => id);
  const twice = repeated(known) ??
    modalities.find(({ derivedFrom }) => derivedFrom !== undefined && !known.includes(derivedFrom))?.id;
  if (twice !== undefined) {
    refuse(
      "modalities",
      `modality ${twice} is listed twice or derived from one that is not listed`,
      "Correct the list.",
    );
  }
  const expected = classes.map((_, at) => at + 1);
  if (classes.some(({ id }, at) => id !== expected[at])) {
    refuse(
      "classes",
      `class ids are ${classes.map(({ id }) => id).join(", ")}; expected ${expected.join(", ")}`,
      'Number the classes 1 … K in order and map the values in the files with "labelMap".',
    );
  }
  for (const [value, label] of Object.entries(labelMap ?? {})) {
    if (label > classes.length) {
      refuse(
        "classes",
        `labelMap takes ${value} to ${label}, but there are ${classes.length} classes`,
        "Correct it.",
      );
    }
  }
  const same = repeated(cases.map(({ id }) => id));
  if (same !== undefined) {
    refuse("case", `case ${same} is listed twice`, "Give every case an id of its own.");
  }
  const incomplete: string[] = [];
  for (const { id, images, labels } of cases) {
    const strange = [...Object.keys(images), ...Object.keys(labels ?? {}).filter((key) => key !== "shared")]
      .find((key) => !known.includes(key));
    if (strange !== undefined) {
      refuse(
        "modalities",
        `case ${id} has ${strange}, which is no modality of this data set`,
        "Add it to modalities.",
      );
    }
    for (const file of [...Object.values(images), ...Object.values(labels ?? {})]) {
      if (leavesRoot(file)) {
        refuse(
          "path",
          `case ${id}: ${file} leads out of the data set's folder`,
          'Use paths below the folder; to use data that lies elsewhere set "root".',
        );
      }
    }
    const missing = known.filter((key) => images[key] === undefined);
    if (missing.length > 0) incomplete.push(`${id} (no ${missing.join(", ")})`);
    if (missing.length === known.length) refuse("case", `case ${id} has no image`, "Take it out.");
    const uncovered = labels !== undefined && labels.shared === undefined
      ? known.filter((key) => images[key] !== undefined && labels[key] === undefined)
      : [];
    if (uncovered.length > 0) {
      refuse(
        "case",
        `case ${id} has labels, but not for ${uncovered.join(", ")}`,
        'Add them, or one as "shared".',
      );
    }
  }
  if (paired && incomplete.length > 0) {
    refuse(
      "unpaired",
      `the set is paired, but ${incomplete.length} cases lack an image: ${
        incomplete.slice(0, 10).join(", ")
      }`,
      'Complete or remove these cases, or set "paired": false.',
    );
  }
  return { ...manifest, cases: [...cases].sort((a, b) => byCodePoint(a.id, b.id)) };
}

/** The error for content that does not have the expected form, with the place of each problem. */
export function schemaProblems(error: z.ZodError, path: string): DataError {
  const issues = error.issues.slice(0, 10).map(({ path: at, message }) =>
    `${at.length > 0 ? at.map(String).join(".") : "top level"}: ${message}`
  );
  return new DataError("manifest.schema", `${path} is no manifest: ${issues.join("; ")}`, {
    fix: "Correct these entries; an importer can write a manifest for a folder of scans.",
  });
}

/** Whether a path is absolute or climbs above where it starts. */
function leavesRoot(path: string): boolean {
  return /^([/\\]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes("..");
}

function repeated(values: readonly string[]): string | undefined {
  return values.find((value, at) => values.indexOf(value) !== at);
}

/**
 * Parses JSON.
 *
 * @throws {DataError} `manifest.json` with line and column
 */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const position = /position (\d+)/.exec(message);
    const before = text.slice(0, position === null ? text.length : Number(position[1])).split("\n");
    const where = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
    throw new DataError("manifest.json", `${path} is no JSON at ${where}: ${message}`, {
      cause,
      fix: "Look for a missing comma, quote or bracket there.",
    });
  }
}
