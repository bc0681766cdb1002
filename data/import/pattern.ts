/**
 * Patterns of file names, such as `sub-{subject}/ses-{session}/anat/*_{modality}.nii[.gz]`.
 *
 * | in a pattern | stands for |
 * | --- | --- |
 * | `{case}` `{subject}` `{session}` | text without a slash that names the scan, the person, the visit |
 * | `{modality}` | the id of one of the modalities, or what it is called in file names (`as`) |
 * | `{number}` | digits that mean nothing, such as the number of a series |
 * | `{case:1-499}` | digits of a number in that range; likewise with the other names |
 * | `*` | any text without a slash |
 * | `**` + `/` | any folders, or none |
 * | `[…]` | a part that may be missing |
 * | `\` | takes the next character as it is |
 *
 * A name that comes again stands for the same text.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The names whose values tell cases apart, in the order they form an id. */
export const caseNames = ["subject", "session", "case"] as const;

/** What the named parts of a pattern stood for in a path. */
export type Found = Readonly<Partial<Record<(typeof caseNames)[number] | "modality", string>>>;

/** A pattern ready to be matched. */
export interface Pattern {
  /** As it was written. */
  readonly text: string;
  /** The names in it. */
  readonly names: ReadonlySet<string>;
  /** What its names stand for in a path, or nothing when the path does not fit. */
  match(path: string): Found | undefined;
}

const names = /^(case|subject|session|modality|number)(?::(\d+)-(\d+))?$/;

/**
 * Reads a pattern.
 *
 * @param modalities what `{modality}` may stand for; anything without a slash when absent
 * @throws {DataError} `manifest.pattern` for a pattern that cannot be understood
 */
export function readPattern(text: string, modalities?: readonly string[], flags = ""): Pattern {
  const refuse = (what: string) =>
    new DataError("manifest.pattern", `the pattern ${text} ${what}`, {
      fix:
        "Parts that change are {case}, {subject}, {session}, {modality}, {number}, * and [a part that may be missing].",
    });
  const seen = new Set<string>(), ranges = new Map<string, readonly [number, number]>();
  let source = "", depth = 0, numbers = 0;
  for (const [token] of text.matchAll(/\\.|\{[^}]*\}|\*\*\/|[^]/gu)) {
    if (token === "**/") source += "(?:[^/]+/)*";
    else if (token === "*") source += "[^/]*";
    else if (token === "[") {
      depth++;
      source += "(?:";
    } else if (token === "]") {
      if (--depth < 0) throw refuse("closes a [ that it did not open");
      source += ")?";
    } else if (token.startsWith("{") && token.length > 1) {
      const found = names.exec(token.slice(1, -1));
      if (found === null) throw refuse(`has ${token}, which stands for nothing`);
      const [, name, low, high] = found;
      const key = name === "number" ? `number${numbers++}` : name!;
      if (low !== undefined) ranges.set(key, [Number(low), Number(high)]);
      if (seen.has(key)) source += `\\k<${key}>`;
      else source += `(?<${key}>${partSource(name!, low !== undefined, modalities)})`;
      seen.add(key);
    } else source += literal(token.length === 2 && token.startsWith("\\") ? token[1]! : token);
  }
  if (depth > 0) throw refuse("opens a [ that it does not close");
  const expression = new RegExp(`^${source}$`, `u${flags}`);
  return {
    text,
    names: seen,
    match(path) {
      const hit = expression.exec(path);
      if (hit === null) return undefined;
      const groups = Object.entries(hit.groups ?? {}).filter(([, value]) => value !== undefined);
      const outside = groups.some(([key, value]) => {
        const [low, high] = ranges.get(key) ?? [0, Infinity];
        return ranges.has(key) && !(Number(value) >= low && Number(value) <= high);
      });
      return outside ? undefined : Object.fromEntries(groups);
    },
  };
}

function partSource(name: string, isRange: boolean, modalities?: readonly string[]): string {
  if (name === "number" || isRange) return "\\d+";
  if (name !== "modality" || modalities === undefined) return "[^/]+?";
  return modalities.toSorted((a, b) => b.length - a.length).map(literal).join("|");
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (char) => char === "-" ? "\\x2d" : `\\${char}`);
}
