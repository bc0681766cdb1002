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
  checkSameGrid,
  type DataWarning,
  gridOf,
  readLabels,
  turnTo,
  turnVolume,
  type Volume,
  type VolumePath,
  volumePath,
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
  type TableOptions,
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
import { alone, labelFiles, type Pair, pairFiles } from "./evaluate_pairs.ts";
import { printWarnings } from "./open_data.ts";
import { prepareOutputs } from "./outputs.ts";

function classIds(values: Values): number[] | undefined {
  const list = text(values, "classes");
  if (list === undefined) return undefined;
  const ids = list.split(",").map(Number);
  if (ids.some((id) => !Number.isInteger(id) || id < 1 || id > 255)) {
    throw new UsageError(`--classes ${list}: expected label values from 1 to 255 with commas, such as 1,2`);
  }
  return ids;
}

type Warn = (warning: DataWarning) => void;

/** Reads labels and passes on what is odd about the file. */
async function load({ path, ...channel }: VolumePath, warn: Warn): Promise<Volume<Uint8Array>> {
  const volume = await readLabels(path, undefined, channel);
  volume.warnings.forEach(warn);
  return volume;
}

async function classesOf(
  volumes: readonly VolumePath[],
  given: number[] | undefined,
  warn: Warn,
): Promise<LabelClass[]> {
  const found = new Set(given);
  if (given === undefined) {
    for (const volume of volumes) {
      const { array: { data } } = await load(volume, warn); // a view here covers all of its memory
      const seen = new Uint8Array(256);
      for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
      seen.forEach((flag, value) => flag === 1 && value > 0 && found.add(value));
    }
  }
  if (found.size === 0) {
    throw new EvalError("evaluate.classes", "all volumes are empty, so there is no class to judge", {
      fix: "Name the classes with --classes.",
    });
  }
  return [...found].sort((a, b) => a - b).map((id) => ({ id, name: String(id) }));
}

const outputs = ["cases.csv", "table.md", "table.csv", "table.tex", "dice.svg"] as const;

async function writeResults(
  folder: string,
  records: CaseRecord[],
  layout: TableOptions<CaseRecord>,
): Promise<void> {
  const contents: Record<typeof outputs[number], string> = {
    "cases.csv": caseCsv(records),
    "table.md": table(records, layout),
    "table.csv": table(records, { ...layout, format: "csv" }),
    "table.tex": table(records, { ...layout, format: "latex" }),
    "dice.svg": classBoxPlot(records),
  };
  for (const name of outputs) await Deno.writeTextFile(`${folder}/${name}`, contents[name]);
}

/** What `deno task evaluate` does. */
export const command: Command = {
  name: "evaluate",
  summary:
    "Judges predicted label volumes against reference ones: Dice, surface distances in mm and more.\n" +
    "Files belong together by name: CASE.nii.gz or CASE_MODALITY.nii.gz against CASE.nii.gz.",
  options: {
    pred: {
      value: "DIR",
      help: "folder of predicted label volumes (.nii, .nii.gz); DIR#channel=N takes one volume of 4-D files",
    },
    ref: { value: "DIR", help: "folder of reference label volumes, likewise" },
    classes: { value: "1,2", help: "the label values, any other is refused; all that occur when absent" },
    tolerance: { value: "MM", help: "tolerance of the surface Dice (NSD) in mm (2)" },
    out: { value: "DIR", help: "also write cases.csv, tables and a plot into this folder" },
  },
  examples: [
    "--pred predictions/ --ref labels/",
    "--pred predictions/ --ref labels/ --classes 1,2 --out judged/ --json",
  ],
  async run(values): Promise<Result> {
    const pred = volumePath(requiredText(values, "pred")), ref = volumePath(requiredText(values, "ref"));
    const tolerance = number(values, "tolerance");
    const policy = resolvePolicy(tolerance === undefined ? {} : { nsdToleranceMm: tolerance });
    const given = classIds(values);
    const pairs = pairFiles(await labelFiles(pred.path), await labelFiles(ref.path));
    // What `predict` wrote of several scans: one map of all together and one of each, whose mean would be of nothing.
    const isMixed = pairs.some((one) =>
      one.modality === alone && pairs.some(({ id, modality }) => id === one.id && modality !== alone)
    );
    const out = text(values, "out");
    if (out !== undefined) {
      await prepareOutputs(
        outputs.map((name) => `${out}/${name}`),
        pairs.flatMap(({ prediction, reference }) => [prediction, reference]),
      );
    }
    const warn = printWarnings();
    if (isMixed) {
      warn({
        code: "evaluate.together",
        message: "there are predictions of all scans together (CASE) and of single scans (CASE_MODALITY): " +
          "no mean is taken over both",
      });
    }
    const predictionOf = (pair: Pair): VolumePath => ({ ...pred, path: pair.prediction });
    const referenceOf = (pair: Pair): VolumePath => ({ ...ref, path: pair.reference });
    // Several predictions may have one reference.
    const references = new Map(pairs.map((pair) => [pair.reference, referenceOf(pair)]));
    const classes = await classesOf([...references.values(), ...pairs.map(predictionOf)], given, warn);
    const records: CaseRecord[] = [];
    for (const pair of pairs) {
      const reference = await load(referenceOf(pair), warn), stored = await load(predictionOf(pair), warn);
      // The reference stays as it is stored; only the axes of the prediction may be turned, and towards it.
      const prediction = turnVolume(stored, turnTo(stored.affine, reference.affine));
      checkSameGrid(gridOf(reference), gridOf(prediction), pair.prediction, {
        image: "reference",
        labels: "prediction",
        fix:
          `Predictions must lie on the grid of their reference, here ${pair.reference}: resample them to it.`,
      }).forEach(warn);
      const modality = isMixed && pair.modality === alone ? "all together" : pair.modality;
      records.push(...evaluateCase({ case: pair.id, modality, prediction, reference, classes }, policy));
    }
    const layout = {
      rows: ["modality", "class"],
      columns: ["dice", "assd_mm", "hd95_mm", "nsd"],
      policy,
      meanRow: !isMixed,
    } as const;
    if (out !== undefined) await writeResults(out, records, layout);
    return {
      text: table(records, layout),
      json: {
        definitions: definitions(policy),
        cases: records,
        summary: isMixed ? { groups: summarise(records).groups } : summarise(records),
      },
    };
  },
};

if (import.meta.main) await main(command);
