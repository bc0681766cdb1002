/**
 * Which predicted file belongs to which reference, by name.
 *
 * @module
 */

import { byCodePoint } from "../data/mod.ts";
import { EvalError } from "../eval/mod.ts";

/** A prediction and the reference it is judged against. */
export interface Pair {
  /** Case: name of the reference. */
  readonly id: string;
  /** What follows the case in the name of the prediction; `-` for nothing. */
  readonly modality: string;
  /** File of the prediction. */
  readonly prediction: string;
  /** File of the reference. */
  readonly reference: string;
}

/** The modality of a prediction that is named after its case alone. */
export const alone = "-";

const ending = /\.nii(\.gz)?$/i;

/**
 * The label files of a folder by name without ending, in Unicode's composed form, since file systems differ there.
 * What macOS leaves beside files (`._name`) is passed over.
 *
 * @throws {EvalError} `evaluate.folder` when it cannot be read or holds none, `evaluate.pairs` for two files of one
 *   name, such as `c.nii` and `c.nii.gz`
 */
export async function labelFiles(folder: string): Promise<Map<string, string>> {
  const found: string[] = [];
  try {
    for await (const { name, isFile, isSymlink } of Deno.readDir(folder)) {
      if ((isFile || isSymlink) && ending.test(name) && !name.startsWith("._")) found.push(name);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new EvalError("evaluate.folder", `${folder} cannot be read: ${(cause as Error).message}`, {
      cause,
      fix: "Give a folder that holds label volumes as .nii or .nii.gz.",
    });
  }
  if (found.length === 0) {
    throw new EvalError("evaluate.folder", `${folder} holds no .nii or .nii.gz file`, {
      fix: "Give a folder that holds label volumes.",
    });
  }
  const files = new Map<string, string>();
  for (const name of found.sort(byCodePoint)) {
    const key = name.replace(ending, "").normalize("NFC"), other = files.get(key);
    if (other !== undefined) {
      throw new EvalError("evaluate.pairs", `${folder} holds ${other} and ${name}, two volumes of one case`, {
        fix: "Keep the one that is to be judged; move the other out of the folder.",
      });
    }
    files.set(key, name);
  }
  return new Map([...files].map(([key, name]) => [key, `${folder}/${name}`]));
}

/**
 * Pairs files of one name, or `CASE_MODALITY` with the longest `CASE` that is a reference. Names that differ only in
 * upper and lower case belong together when nothing else does.
 *
 * @throws {EvalError} `evaluate.pairs` for files without a partner, and for two predictions of one case and modality
 */
export function pairFiles(
  predictions: ReadonlyMap<string, string>,
  references: ReadonlyMap<string, string>,
): Pair[] {
  const caseless = foldNames([...references.keys()]);
  const unpaired: string[] = [], pairs = new Map<string, Pair>();
  for (const name of [...predictions.keys()].sort(byCodePoint)) {
    const found = longestStart(name, (start) => references.has(start) ? start : undefined) ??
      longestStart(name, (start) => caseless.get(start.toLowerCase()));
    if (found === undefined) {
      unpaired.push(name);
      continue;
    }
    const { id, modality } = found;
    const pair = { id, modality, prediction: predictions.get(name)!, reference: references.get(id)! };
    const key = JSON.stringify([id, modality]), other = pairs.get(key);
    if (other !== undefined) {
      throw new EvalError(
        "evaluate.pairs",
        `${other.prediction} and ${pair.prediction} are both predictions of case ${id} (${modality})`,
        { fix: "Keep one of them in the folder." },
      );
    }
    pairs.set(key, pair);
  }
  const used = new Set([...pairs.values()].map(({ id }) => id));
  const missing = [...references.keys()].filter((name) => !used.has(name)).sort(byCodePoint);
  if (unpaired.length + missing.length > 0) throw notPaired(unpaired, missing);
  return [...pairs.values()];
}

/** Names by their lower case, but for those that it would make equal. */
function foldNames(names: readonly string[]): Map<string, string> {
  const folded = Map.groupBy(names, (name) => name.toLowerCase());
  return new Map([...folded].flatMap(([lower, own]) => own.length === 1 ? [[lower, own[0]!] as const] : []));
}

/** The case that a name, or its longest start before a `_`, is found as, and the modality that follows. */
function longestStart(
  name: string,
  find: (start: string) => string | undefined,
): { id: string; modality: string } | undefined {
  const whole = find(name);
  if (whole !== undefined) return { id: whole, modality: alone };
  for (let at = name.lastIndexOf("_"); at > 0; at = name.lastIndexOf("_", at - 1)) {
    const id = find(name.slice(0, at));
    if (id !== undefined) return { id, modality: name.slice(at + 1) };
  }
  return undefined;
}

function notPaired(unpaired: readonly string[], missing: readonly string[]): EvalError {
  const few = (names: readonly string[]): string =>
    names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
  const parts = [
    ...(unpaired.length > 0 ? [`${unpaired.length} predictions have no reference (${few(unpaired)})`] : []),
    ...(missing.length > 0 ? [`${missing.length} references have no prediction (${few(missing)})`] : []),
  ];
  return new EvalError("evaluate.pairs", parts.join("; "), {
    fix: "Files belong together when their names are equal, or the prediction is named CASE_MODALITY. " +
      "Move what is not to be judged out of the folders.",
  });
}
