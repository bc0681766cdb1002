/**
 * A recipe to start from, guessed from the names of files.
 *
 * @module
 */

/** What a file is, by one way of reading names. */
interface Reading {
  /** The case. */
  readonly case: string;
  /** What it shows: a modality, or that it holds labels. */
  readonly what: string;
  /** The name with the case left out. */
  readonly pattern: string;
}

/** Ways to name the files of a data set; each reads a path below its folder, or nothing. */
const ways: readonly ((path: string) => Reading | undefined)[] = [
  // case_t1.nii.gz, also when it lies in a folder of the case
  (path) => {
    const [, folder = "", id, separator, what, ending] =
      /^(?:(.*)\/)?([^/]+)([_-])([^/_-]+)(\.nii(?:\.gz)?)$/.exec(path) ?? [];
    if (id === undefined) return undefined;
    const inside = folder.replaceAll(id, "{case}");
    return {
      case: id,
      what: what!,
      pattern: `${inside === "" ? "" : `${inside}/`}{case}${separator}${what}${ending}`,
    };
  },
  // t1/case.nii.gz
  (path) => {
    const [, what, id, ending] = /^(.+)\/([^/]+?)(\.nii(?:\.gz)?)$/.exec(path) ?? [];
    return id === undefined ? undefined : { case: id, what: what!, pattern: `${what}/{case}${ending}` };
  },
  // case/t1.nii.gz
  (path) => {
    const [, id, what, ending] = /^([^/]+)\/(.+?)(\.nii(?:\.gz)?)$/.exec(path) ?? [];
    return id === undefined ? undefined : { case: id, what: what!, pattern: `{case}/${what}${ending}` };
  },
];

const isLabel = (what: string) => /seg|label|mask|^gt$|truth|annot/i.test(what);

/** A recipe without its classes, and a file with labels. */
export interface SuggestedRecipe {
  /** What is known of the recipe. */
  readonly recipe: {
    readonly name: string;
    readonly images: Readonly<Record<string, string>>;
    readonly labels?: string;
    readonly modalities: readonly { readonly id: string; readonly kind: "ct" | "mr" }[];
  };
  /** Path of a file with labels, to see which values they have. */
  readonly labelFile: string | undefined;
}

/**
 * Guesses a recipe: the way of reading names by which the most files are images or labels of cases that have
 * another file too. `ct` is taken for CT, everything else for MR.
 *
 * @param paths of files below the folder
 * @returns nothing when the names follow no way that is known
 *
 * @example
 * ```ts
 * import { suggestRecipe } from "./suggest_recipe.ts";
 * import assert from "node:assert/strict";
 *
 * const files = ["a_t1.nii.gz", "a_seg.nii.gz", "b_t1.nii.gz", "b_seg.nii.gz"];
 * assert.deepEqual(suggestRecipe(files, "mine")!.recipe.images, { t1: "{case}_t1.nii.gz" });
 * ```
 */
export function suggestRecipe(paths: readonly string[], name: string): SuggestedRecipe | undefined {
  const readings = ways.map((way) => {
    const found = paths.flatMap((path) => {
      const reading = way(path);
      return reading ? [{ ...reading, path }] : [];
    });
    const byPattern = Map.groupBy(found, ({ pattern }) => pattern);
    // A pattern that only one file has describes that file, not the data set.
    const kept = [...byPattern.values()].filter((own) => own.length > 1).flat();
    const cases = Map.groupBy(kept, (reading) => reading.case);
    return kept.filter((reading) => cases.get(reading.case)!.length > 1);
  });
  // Of ways that read as many files, the one with more cases and fewer kinds of images.
  const kinds = (found: readonly Reading[]) => new Set(found.map(({ pattern }) => pattern)).size;
  const [best] = readings.toSorted((a, b) => b.length - a.length || kinds(a) - kinds(b)) as [
    typeof readings[0],
  ];
  const labels = best.find(({ what }) => isLabel(what));
  const images = Object.fromEntries(
    best.filter(({ what }) => !isLabel(what)).map(({ what, pattern }) => [what.replace(/.*\//, ""), pattern]),
  );
  const modalities = Object.keys(images).map((id) => ({
    id,
    kind: /^ct/i.test(id) ? "ct" as const : "mr" as const,
  }));
  if (modalities.length === 0) return undefined;
  const recipe = { name, images, ...(labels && { labels: labels.pattern }), modalities };
  return { recipe, labelFile: labels?.path };
}
