/**
 * A manifest from a folder of scans, by the pattern of the file names.
 *
 * @module
 */

import { join } from "node:path";
import { byCodePoint, type ClassInfo, type Modality } from "../dataset.ts";
import { DataError } from "../errors.ts";
import { checkManifest, type Manifest } from "../manifest.ts";

/** How the files of a folder are named. */
export interface FolderPattern {
  /** Name of the data set. */
  readonly name: string;
  /**
   * Path of an image below the folder, such as `{case}/{case}_{modality}.nii.gz`. `{case}` stands for any text
   * without a slash, `{modality}` for the id of one of the modalities (needed if there are several), `{subject}` for the part of a case's name
   * that names the person.
   */
  readonly images: string;
  /** Path of a label map likewise; without `{modality}` it serves all modalities. Absent: nothing is labelled. */
  readonly labels?: string;
  /** The modalities; their ids are what `{modality}` stands for. */
  readonly modalities: readonly Modality[];
  /** The foreground classes. */
  readonly classes: readonly ClassInfo[];
  /** Label for each value in the label files. */
  readonly labelMap?: Readonly<Record<string, number>>;
  /** Whether the modalities of a case share one space; true when absent. */
  readonly aligned?: boolean;
}

/**
 * Makes the manifest of a folder. Cases that lack an image make the set unpaired.
 *
 * @throws {DataError} `manifest.pattern` when the pattern has no `{case}` or fits no file, `manifest.*` as
 * `parseManifest`
 */
export async function importFolder(folder: string, pattern: FolderPattern): Promise<Manifest> {
  const { name, modalities, classes, labelMap, aligned = true } = pattern;
  if (modalities.length > 1 && !pattern.images.includes("{modality}")) {
    throw new DataError(
      "manifest.pattern",
      `the pattern ${pattern.images} has no {modality}, but there are several`,
      {
        fix: "Mark the part of the path that tells the modalities apart.",
      },
    );
  }
  const files = await listFiles(folder);
  const images = collect(files, pattern.images, modalities, modalities[0]!.id);
  if (images.size === 0) {
    throw new DataError(
      "manifest.pattern",
      `no file below ${folder} fits ${pattern.images} with modality ${
        modalities.map(({ id }) => id).join(", ")
      }; ` +
        `the first files are ${files.slice(0, 5).join(", ") || "none"}`,
      {
        fix:
          "Write the pattern as the paths are, with {case} and {modality} in place of the parts that change.",
      },
    );
  }
  const labels = pattern.labels === undefined
    ? new Map()
    : collect(files, pattern.labels, modalities, "shared");
  const cases = [...images].sort(([a], [b]) => byCodePoint(a, b)).map(([id, { subject, paths }]) => ({
    id,
    subject,
    images: paths,
    ...(labels.has(id) ? { labels: labels.get(id)!.paths } : {}),
  }));
  const paired = cases.every((of) => Object.keys(of.images).length === modalities.length);
  return checkManifest({
    version: 1,
    name,
    root: folder,
    modalities,
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    paired,
    aligned,
    cases,
  }, folder);
}

/** All files below a folder, as paths with `/`, by code point; links are not followed. */
export async function listFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (below: string) => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(join(folder, below))) {
      const path = below === "" ? name : `${below}/${name}`;
      if (isDirectory) await walk(path);
      if (isFile) found.push(path);
    }
  };
  try {
    await walk("");
  } catch (cause) {
    throw new DataError(
      "data.path",
      `${folder} cannot be listed: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
        fix: "Check the path, and that Deno was given --allow-read.",
      },
    );
  }
  return found.sort(byCodePoint);
}

/** The files that fit a pattern, by case and modality, which is `otherwise` when the pattern has none. */
function collect(
  files: readonly string[],
  pattern: string,
  modalities: readonly Modality[],
  otherwise: string,
): Map<string, { subject: string; paths: Record<string, string> }> {
  if (!pattern.includes("{case}")) {
    throw new DataError("manifest.pattern", `the pattern ${pattern} has no {case}`, {
      fix: "Mark the part of the path that differs from case to case.",
    });
  }
  const expression = patternExpression(pattern, modalities.map(({ id }) => id));
  const cases = new Map<string, { subject: string; paths: Record<string, string> }>();
  for (const file of files) {
    const { case: id, modality = otherwise, subject } = expression.exec(file)?.groups ?? {};
    if (id === undefined) continue;
    const of = cases.get(id) ?? { subject: subject ?? id, paths: {} };
    const other = of.paths[modality];
    if (other !== undefined) {
      throw new DataError(
        "manifest.pattern",
        `${file} and ${other} are both the ${modality} file of case ${id}`,
        {
          fix: "Make the pattern narrower.",
        },
      );
    }
    of.paths[modality] = file;
    cases.set(id, of);
  }
  return cases;
}

/** A pattern as a regular expression; a placeholder that comes again must stand for the same text. */
function patternExpression(pattern: string, modalities: readonly string[]): RegExp {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const seen = new Set<string>();
  const source = pattern.split(/(\{(?:case|modality|subject)\})/).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return literal(part);
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>${name === "modality" ? modalities.map(literal).join("|") : "[^/]+?"})`;
  }).join("");
  return new RegExp(`^${source}$`);
}
