/**
 * Judges a folder of predicted label volumes against a folder of reference ones.
 *
 * ```sh
 * deno task evaluate --pred predictions --ref labels --classes 1,2
 * ```
 *
 * @module
 */

import {
  byCodePoint,
  checkSameGrid,
  gridOf,
  readLabels,
  turnTo,
  turnVolume,
  type Volume,
} from "../data/mod.ts";
import {
  caseCsv,
  type CaseRecord,
  classBoxPlot,
  definitions,
  EvalError,
  evaluateCase,
  type LabelClass,
  resolvePolicy,
  summarise,
  table,
} from "../eval/mod.ts";
import {
  type Command,
  main,
  number,
  requiredText,
  type Result,
  text,
  UsageError,
  type Values,
} from "./command.ts";

/** A prediction and the reference it is judged against. */
interface Pair {
  id: string;
  modality: string;
  prediction: string;
  reference: string;
}

const ending = /\.nii(\.gz)?$/;

async function labelFiles(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  try {
    for await (const { name, isFile, isSymlink } of Deno.readDir(folder)) {
      if ((isFile || isSymlink) && ending.test(name)) {
        files.set(name.replace(ending, ""), `${folder}/${name}`);
      }
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new EvalError("evaluate.folder", `${folder} cannot be read: ${(cause as Error).message}`, {
      cause,
      fix: "Give a folder that holds label volumes as .nii or .nii.gz.",
    });
  }
  if (files.size === 0) {
    throw new EvalError("evaluate.folder", `${folder} holds no .nii or .nii.gz file`, {
      fix: "Give a folder that holds label volumes.",
    });
  }
  return files;
}

/** Pairs files of one name, or `CASE_MODALITY` with the longest `CASE` that is a reference. */
function pairFiles(predictions: Map<string, string>, references: Map<string, string>): Pair[] {
  const used = new Set<string>(), unpaired: string[] = [];
  const pairs = [...predictions.keys()].sort(byCodePoint).flatMap((name): Pair[] => {
    const id = references.has(name)
      ? name
      : [...references.keys()].filter((r) => name.startsWith(`${r}_`)).sort((a, b) => b.length - a.length)[0];
    if (id === undefined) {
      unpaired.push(name);
      return [];
    }
    used.add(id);
    const modality = id === name ? "-" : name.slice(id.length + 1);
    return [{ id, modality, prediction: predictions.get(name)!, reference: references.get(id)! }];
  });
  const missing = [...references.keys()].filter((name) => !used.has(name)).sort(byCodePoint);
  if (unpaired.length + missing.length > 0) {
    const few = (names: string[]): string => names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
    const parts = [
      ...(unpaired.length > 0 ? [`${unpaired.length} predictions have no reference (${few(unpaired)})`] : []),
      ...(missing.length > 0 ? [`${missing.length} references have no prediction (${few(missing)})`] : []),
    ];
    throw new EvalError("evaluate.pairs", parts.join("; "), {
      fix: "Files belong together when their names are equal, or the prediction is named CASE_MODALITY. " +
        "Move what is not to be judged out of the folders.",
    });
  }
  return pairs;
}

function classIds(values: Values): number[] | undefined {
  const list = text(values, "classes");
  if (list === undefined) return undefined;
  const ids = list.split(",").map(Number);
  if (ids.some((id) => !Number.isInteger(id) || id < 1 || id > 255)) {
    throw new UsageError(`--classes ${list}: expected label values from 1 to 255 with commas, such as 1,2`);
  }
  return ids;
}

function valuesIn({ array }: Volume<Uint8Array>, found: Set<number>): void {
  const { data } = array; // views here cover all of their memory
  const seen = new Uint8Array(256);
  for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
  seen.forEach((flag, value) => flag === 1 && value > 0 && found.add(value));
}

async function classesOf(pairs: Pair[], given: number[] | undefined): Promise<LabelClass[]> {
  const found = new Set(given);
  if (given === undefined) {
    for (const path of new Set(pairs.flatMap((p) => [p.reference, p.prediction]))) {
      valuesIn(await readLabels(path), found);
    }
  }
  if (found.size === 0) {
    throw new EvalError("evaluate.classes", "all volumes are empty, so there is no class to judge", {
      fix: "Name the classes with --classes.",
    });
  }
  return [...found].sort((a, b) => a - b).map((id) => ({ id, name: String(id) }));
}

async function writeResults(
  folder: string,
  records: CaseRecord[],
  tables: Record<string, string>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/cases.csv`, caseCsv(records));
  for (const [name, content] of Object.entries(tables)) {
    await Deno.writeTextFile(`${folder}/${name}`, content);
  }
  await Deno.writeTextFile(`${folder}/dice.svg`, classBoxPlot(records));
}

const command: Command = {
  name: "evaluate",
  summary:
    "Judges predicted label volumes against reference ones: Dice, surface distances in mm and more.\n" +
    "Files belong together by name: CASE.nii.gz or CASE_MODALITY.nii.gz against CASE.nii.gz.",
  options: {
    pred: { value: "DIR", help: "folder of predicted label volumes (.nii, .nii.gz)" },
    ref: { value: "DIR", help: "folder of reference label volumes" },
    classes: { value: "1,2", help: "the label values, any other is refused; all that occur when absent" },
    tolerance: { value: "MM", help: "tolerance of the surface Dice (NSD) in mm (2)" },
    out: { value: "DIR", help: "also write cases.csv, tables and a plot into this folder" },
  },
  async run(values): Promise<Result> {
    const [pred, ref] = [requiredText(values, "pred"), requiredText(values, "ref")];
    const tolerance = number(values, "tolerance");
    const policy = resolvePolicy(tolerance === undefined ? {} : { nsdToleranceMm: tolerance });
    const given = classIds(values);
    const pairs = pairFiles(await labelFiles(pred), await labelFiles(ref));
    const classes = await classesOf(pairs, given);
    const records: CaseRecord[] = [];
    for (const pair of pairs) {
      const reference = await readLabels(pair.reference);
      const stored = await readLabels(pair.prediction);
      const prediction = turnVolume(stored, turnTo(stored.affine, reference.affine));
      checkSameGrid(gridOf(reference), gridOf(prediction), `case ${pair.id} (${pair.modality})`)
        .forEach((warning) => console.error(`warning[${warning.code}]: ${warning.message}`));
      records.push(
        ...evaluateCase({ case: pair.id, modality: pair.modality, prediction, reference, classes }, policy),
      );
    }
    const layout = {
      rows: ["modality", "class"],
      columns: ["dice", "assd_mm", "hd95_mm", "nsd"],
      policy,
    } as const;
    const out = text(values, "out");
    if (out !== undefined) {
      await writeResults(out, records, {
        "table.md": table(records, layout),
        "table.csv": table(records, { ...layout, format: "csv" }),
        "table.tex": table(records, { ...layout, format: "latex" }),
      });
    }
    return {
      text: table(records, layout),
      json: { definitions: definitions(policy), cases: records, summary: summarise(records) },
    };
  },
};

if (import.meta.main) await main(command);
