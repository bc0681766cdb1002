/**
 * A manifest from a folder of scans, by the patterns of the file names.
 *
 * @module
 */

import { byCodePoint, type ClassInfo, incompleteCases, type Modality } from "../dataset.ts";
import { DataError, type DataWarning } from "../errors.ts";
import { listed } from "../listed.ts";
import { checkManifest, type Manifest } from "../manifest.ts";
import { type LeftOut, listFiles } from "./list_files.ts";
import { type KeyedPattern, leftOutWarnings, nothingFits, whyNot } from "./left_out.ts";
import { caseNames, type Found, readPattern } from "./pattern.ts";

/** How the files of a folder are named; `readPattern` says what a pattern is made of. */
export interface FolderPattern {
  /** Name of the data set. */
  readonly name: string;
  /**
   * Path of an image below the folder, such as `{case}/{case}_{modality}.nii.gz`, or one for each modality by its id.
   * With several modalities a single pattern needs `{modality}`.
   */
  readonly images: string | Readonly<Record<string, string>>;
  /** Path of a label map likewise; without `{modality}` it serves all modalities. Absent: nothing is labelled. */
  readonly labels?: string | Readonly<Record<string, string>>;
  /** The modalities; `as` is what `{modality}` stands for, if not the id. */
  readonly modalities: readonly (Modality & { readonly as?: string })[];
  /** The foreground classes. */
  readonly classes: readonly ClassInfo[];
  /** Label for each value in the label files. */
  readonly labelMap?: Readonly<Record<string, number>>;
  /** Whether every case has all modalities, of the same person; decided by what is found when absent. */
  readonly paired?: boolean;
  /** Whether the modalities of a case share one space; true when absent. */
  readonly aligned?: boolean;
}

/** A manifest, and what of the folder is not in it. */
export interface FolderManifest {
  /** The manifest. */
  readonly manifest: Manifest;
  /** NIfTI files that are not used, and why, by code point. */
  readonly left: readonly LeftOut[];
  /** What a user should know: files left out, cases that lack an image. */
  readonly warnings: readonly DataWarning[];
}

/** What was found of one case. */
interface FoundCase {
  readonly names: Found;
  readonly paths: Map<string, string>;
}

/**
 * Makes the manifest of a folder. Cases that lack an image make the set unpaired.
 *
 * @throws {DataError} `manifest.pattern` for a pattern that makes no sense or fits no file, `manifest.*` as
 * `checkManifest`
 */
export async function importFolder(folder: string, pattern: FolderPattern): Promise<FolderManifest> {
  const { name, modalities, classes, labelMap, aligned = true } = pattern;
  const { files, left } = await listFiles(folder);
  const imagePatterns = patternsOf(pattern.images, modalities, modalities[0]!.id);
  const labelPatterns = pattern.labels === undefined ? [] : patternsOf(pattern.labels, modalities, "shared");
  if (
    typeof pattern.images === "string" && modalities.length > 1 &&
    !imagePatterns[0]!.pattern.names.has("modality")
  ) {
    throw new DataError(
      "manifest.pattern",
      `the pattern ${pattern.images} has no {modality}, but there are several`,
      {
        fix: "Mark the part of the path that tells the modalities apart, or give a pattern for each.",
      },
    );
  }
  for (const { pattern: { text, names } } of imagePatterns) {
    if (names.has("case") || names.has("subject")) continue;
    throw new DataError("manifest.pattern", `the pattern ${text} has neither {case} nor {subject}`, {
      fix: "Mark the part of the path that differs from case to case.",
    });
  }
  const images = collect(files, imagePatterns),
    used = new Set(images.flatMap(({ paths }) => [...paths.values()]));
  if (images.length === 0) throw nothingFits(folder, imagePatterns, files, left);
  const labels = new Map<FoundCase, Map<string, string>>();
  const orphans: LeftOut[] = [];
  for (const label of collect(files.filter((file) => !used.has(file)), labelPatterns)) {
    const owners = images.filter(({ names }) =>
      caseNames.every((key) => agrees(label.names[key], names[key]))
    );
    const [owner] = owners, paths = [...label.paths.values()];
    paths.forEach((path) => used.add(path));
    if (owners.length > 1) {
      throw new DataError(
        "manifest.pattern",
        `${paths[0]} would be the labels of ${owners.slice(0, 5).map(idOf).join(", ")}`,
        { fix: "Mark in the pattern of the labels what tells these cases apart." },
      );
    }
    if (owner === undefined) {
      orphans.push(...paths.map((path) => ({ path, why: "is a label map without an image" })));
    } else labels.set(owner, label.paths);
  }
  const cases = images.map((of) => ({
    id: idOf(of),
    subject: of.names.subject ?? of.names.case!,
    images: Object.fromEntries(of.paths),
    ...(labels.has(of) ? { labels: Object.fromEntries(labels.get(of)!) } : {}),
  })).sort((a, b) => byCodePoint(a.id, b.id));
  const incomplete = incompleteCases(modalities, cases);
  const manifest = checkManifest({
    version: 1,
    name,
    root: folder,
    modalities: modalities.map(({ as: _, ...of }) => of),
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    paired: pattern.paired ?? incomplete.length === 0,
    aligned,
    cases,
  }, folder);
  const unmatched = files.filter((file) => isScan(file) && !used.has(file))
    .map((path) => ({ path, why: whyNot(path, [...imagePatterns, ...labelPatterns]) }));
  const all = [...left, ...orphans, ...unmatched].sort((a, b) => byCodePoint(a.path, b.path));
  const warnings = leftOutWarnings(folder, all);
  if (pattern.paired === undefined && incomplete.length > 0) {
    warnings.push({
      code: "manifest.incomplete",
      message: `${incomplete.length} of ${cases.length} cases lack an image: ${listed(incomplete)}`,
    });
  }
  return { manifest, left: all, warnings };
}

function patternsOf(
  given: string | Readonly<Record<string, string>>,
  modalities: FolderPattern["modalities"],
  otherwise: string,
): KeyedPattern[] {
  const ids = new Map(modalities.map(({ id, as }) => [as ?? id, id]));
  if (typeof given === "string") {
    return [{ pattern: readPattern(given, [...ids.keys()]), key: otherwise, ids }];
  }
  return Object.entries(given).map(([key, text]) => {
    if (key === "shared" || modalities.some(({ id }) => id === key)) {
      return { pattern: readPattern(text, []), key, ids };
    }
    throw new DataError("manifest.pattern", `there is a pattern for ${key}, which is no modality`, {
      fix: `Name one of ${modalities.map(({ id }) => id).join(", ")}.`,
    });
  });
}

/** The files that fit, by case and modality. */
function collect(files: readonly string[], patterns: readonly KeyedPattern[]): FoundCase[] {
  const cases = new Map<string, FoundCase>();
  for (const file of files) {
    for (const { pattern, key, ids } of patterns) {
      const found = pattern.match(file);
      if (found === undefined) continue;
      const modality = found.modality === undefined ? key : ids.get(found.modality)!;
      const place = JSON.stringify(caseNames.map((name) => found[name]));
      const of = cases.get(place) ?? { names: found, paths: new Map() };
      const other = of.paths.get(modality);
      if (other !== undefined) {
        throw new DataError(
          "manifest.pattern",
          `${file} and ${other} are both the ${modality} file of case ${idOf(of)}`,
          {
            fix:
              "Make the pattern narrower: mark what tells them apart, or write out the one to use (of several " +
              "raters, one).",
          },
        );
      }
      of.paths.set(modality, file);
      cases.set(place, of);
      break;
    }
  }
  return [...cases.values()];
}

function idOf({ names }: FoundCase): string {
  return caseNames.flatMap((key) => names[key] ?? []).join("_");
}

/** Whether a name of a label's path lets it belong to an image: it is the same, or not in the label's path. */
function agrees(label: string | undefined, image: string | undefined): boolean {
  return label === undefined || label === image;
}

function isScan(file: string): boolean {
  return /\.(nii|hdr)(\.gz)?$/i.test(file);
}
