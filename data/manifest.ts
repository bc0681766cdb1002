/**
 * The manifest: the JSON file that says what a folder of scans holds.
 *
 * @module
 */

import { byCodePoint, incompleteCases } from "./dataset.ts";
import { z } from "./deps.ts";
import { DataError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { listed } from "./listed.ts";
import type { Split } from "./split.ts";
import { splitsSchema } from "./split_file.ts";

const idSchema = z.string().min(1).max(200).regex(/^[^/\\|]+$/, "an id has no /, \\ or |")
  .refine((id) => id !== "__proto__", "__proto__ means something else in JSON; choose another id");
const paths = z.record(idSchema, z.string().min(1));

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
      'Path of the labels of each modality, or of all of them under "shared". Labels of only some of the images do not count.',
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
 * @throws {DataError} as {@link parseManifestShape} and {@link checkManifest}
 */
export function parseManifest(text: string, path: string): Manifest {
  return checkManifest(parseManifestShape(text, path), path);
}

/**
 * Parses the text of a manifest and checks it against the schema alone.
 *
 * @throws {DataError} `manifest.json` with line and column, `manifest.schema` with the place of each problem
 */
export function parseManifestShape(text: string, path: string): Manifest {
  const parsed = schema.safeParse(parseJson(text, path));
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  return parsed.data;
}

/**
 * Checks a manifest, whoever made it: the schema, and what a schema cannot say, that ids are unique and refer to each
 * other.
 *
 * @throws {DataError} `manifest.schema`, or the first of {@link manifestProblems}: `manifest.case`, `manifest.classes`,
 * `manifest.modalities`, `manifest.path`, `manifest.unpaired`
 */
export function checkManifest(manifest: Manifest, path: string): Manifest {
  const parsed = schema.safeParse(manifest);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const [first] = manifestProblems(manifest, path);
  if (first !== undefined) throw first;
  return { ...manifest, cases: [...manifest.cases].sort((a, b) => byCodePoint(a.id, b.id)) };
}

/** Everything that is wrong with a manifest that fits the schema. */
export function manifestProblems(manifest: Manifest, path: string): DataError[] {
  const { modalities, classes, paired, cases, labelMap } = manifest;
  const problems: DataError[] = [];
  const add = (code: string, what: string, fix: string) =>
    problems.push(new DataError(`manifest.${code}`, `${path}: ${what}`, { fix }));
  const known = modalities.map(({ id }) => id);
  for (const [one, other] of lookalikes(known)) {
    add("modalities", `two modalities are called ${namesOf(one, other)}`, "Rename or remove one.");
  }
  for (const [one, other] of lookalikes(classes.map(({ name }) => name))) {
    add(
      "classes",
      `two classes are called ${namesOf(one, other)}`,
      'Rename one; to pool two label values map both to one class with "labelMap".',
    );
  }
  if (known.includes("shared")) {
    add("modalities", 'no modality can be called "shared", the key of labels for all', "Rename it.");
  }
  for (const { id, derivedFrom } of modalities) {
    if (derivedFrom !== undefined && !known.includes(derivedFrom)) {
      add(
        "modalities",
        `modality ${id} is derived from ${derivedFrom}, which is not listed`,
        "Correct the name.",
      );
    }
  }
  if (classes.some(({ id }, at) => id !== at + 1)) {
    add(
      "classes",
      `class ids are ${classes.map(({ id }) => id).join(", ")}; expected ${
        classes.map((_, at) => at + 1).join(", ")
      }`,
      'Number the classes 1 … K in order and map the values in the files with "labelMap".',
    );
  }
  for (const [value, label] of Object.entries(labelMap ?? {})) {
    if (label > classes.length) {
      add(
        "classes",
        `labelMap takes ${value} to ${label}, but classes end at ${classes.length}`,
        "Correct it.",
      );
    }
  }
  for (const [one, other] of lookalikes(cases.map((of) => of.id))) {
    add("case", `two cases are called ${namesOf(one, other)}`, "Give every case an id of its own.");
  }
  for (const of of cases) addCaseProblems(of, known, add);
  const incomplete = incompleteCases(modalities, cases);
  if (paired && incomplete.length > 0) {
    add(
      "unpaired",
      `the set is paired, but ${incomplete.length} cases lack an image: ${listed(incomplete)}`,
      'Complete or remove these cases, or set "paired": false.',
    );
  }
  return problems;
}

/** Adds what is wrong with one case. */
function addCaseProblems(
  { id, images, labels }: Manifest["cases"][number],
  known: readonly string[],
  add: (code: string, what: string, fix: string) => void,
): void {
  for (
    const key of [
      ...Object.keys(images),
      ...Object.keys(labels ?? {}).filter((name) => name !== "shared"),
    ]
  ) {
    if (!known.includes(key)) {
      add(
        "modalities",
        `case ${id} has ${key}, which is no modality of this data set`,
        "Add it to modalities.",
      );
    }
  }
  for (const file of [...Object.values(images), ...Object.values(labels ?? {})]) {
    if (leavesRoot(file)) {
      add(
        "path",
        `case ${id}: ${file} leads out of the data set's folder`,
        'Use paths below the folder; to use data that lies elsewhere set "root".',
      );
    }
  }
  if (!known.some((key) => Object.hasOwn(images, key))) {
    add("case", `case ${id} has no image`, "Take it out.");
  }
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

/**
 * Pairs of names that are the same, or that file systems and readers take for the same: they differ in case, in Unicode
 * form or in spaces around them.
 */
function lookalikes(names: readonly string[]): [string, string][] {
  const seen = new Map<string, string>(), pairs: [string, string][] = [];
  for (const name of names) {
    const folded = name.normalize("NFKC").toLowerCase().trim(), other = seen.get(folded);
    if (other === undefined) seen.set(folded, name);
    else pairs.push([other, name]);
  }
  return pairs;
}

function namesOf(one: string, other: string): string {
  return one === other
    ? one
    : `${JSON.stringify(one)} and ${JSON.stringify(other)}, which differ in case or form only`;
}
