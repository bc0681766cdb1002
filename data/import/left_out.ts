/**
 * What of a folder is not used, and why.
 *
 * @module
 */

import { DataError, type DataWarning } from "../errors.ts";
import { listed } from "../listed.ts";
import type { LeftOut } from "./list_files.ts";
import { type Pattern, readPattern } from "./pattern.ts";

/** One pattern and the key its files get when it has no `{modality}`. */
export interface KeyedPattern {
  /** What a path must look like. */
  readonly pattern: Pattern;
  /** A modality's id, or `shared`. */
  readonly key: string;
  /** The id of each modality by what it is called in file names. */
  readonly ids: ReadonlyMap<string, string>;
}

/** Why a file fits no pattern, as far as that can be told. */
export function whyNot(path: string, patterns: readonly KeyedPattern[]): string {
  const stem = (text: string) => text.replace(/\.nii(\[?\.gz\]?)?$/i, "");
  for (const { pattern: { text }, ids } of patterns) {
    const known = [...ids.keys()];
    const { modality } = readPattern(text).match(path) ?? {};
    if (modality !== undefined && !ids.has(modality)) {
      return `would be modality ${modality}, which is not listed (${[...ids.values()].join(", ")})`;
    }
    if (readPattern(text, known, "i").match(path) !== undefined) {
      return `differs from ${text} in upper and lower case`;
    }
    if (readPattern(stem(text), known).match(stem(path)) !== undefined) {
      return `has another ending than the pattern ${text}; .nii[.gz] fits both`;
    }
  }
  return "fits no pattern";
}

/** The error when no image was found. */
export function nothingFits(
  folder: string,
  patterns: readonly KeyedPattern[],
  files: readonly string[],
  left: readonly LeftOut[],
): DataError {
  const known = [...new Set(patterns.flatMap(({ ids }) => [...ids.keys()]))].join(", ");
  const first = left.length > 0 && files.length === 0
    ? `${left[0]!.path} ${left[0]!.why}${left.length > 1 ? `, and ${left.length - 1} more are left out` : ""}`
    : `the first files are ${files.slice(0, 5).join(", ") || "none"}`;
  return new DataError(
    "manifest.pattern",
    `no file below ${folder} fits ${
      patterns.map(({ pattern }) => pattern.text).join(" or ")
    } with modality ${known}; ` +
      first,
    {
      fix: /link/.test(first)
        ? "Copy the data into one folder, or name the folder that the links lead into."
        : "Write the pattern as the paths are, with {case} and {modality} in place of the parts that change.",
    },
  );
}

/** One warning for each reason, with how many files there are and the first of them. */
export function leftOutWarnings(folder: string, left: readonly LeftOut[]): DataWarning[] {
  const reasons = new Map<string, string[]>();
  for (const { path, why } of left) reasons.set(why, [...reasons.get(why) ?? [], path]);
  return [...reasons].map(([why, paths]) => ({
    code: "manifest.left-out",
    message: paths.length === 1
      ? `${folder}: ${paths[0]} is not used: it ${why}`
      : `${folder}: ${paths.length} files are not used: each ${why}: ${listed(paths)}`,
  }));
}
