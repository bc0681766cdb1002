/**
 * Tests finished runs on misaligned input: the second modality is moved, turned, bent or thinned out.
 *
 * ```sh
 * deno task robustness runs/cmc-seed0 runs/supervised-seed0 --data DIR --out robustness
 * ```
 *
 * @module
 */

import { type Dataset, misalign, type Misalignment } from "../data/mod.ts";
import {
  caseCsv,
  EvalError,
  type Perturbation,
  perturbationUnits,
  readRunFolder,
  robustnessCurves,
  type RobustnessRecord,
  robustnessTable,
  tagRecords,
} from "../eval/mod.ts";
import { evaluateCases, openPredictor } from "../model/train/mod.ts";
import { dataOptions, openData } from "./open_data.ts";
import { type Command, deviceChoice, main, number, type Result, text, UsageError } from "./command.ts";
import { openChosenDevice } from "./open_device.ts";

/** Levels that are tested: mm, degrees, mm, slices. */
const levels: Readonly<Record<Perturbation, readonly number[]>> = {
  translation: [0, 2, 4, 8, 16],
  rotation: [0, 5, 10, 15],
  elastic: [0, 2, 4, 8],
  "slice-drop": [0, 2, 4, 8],
};

/** The setting of `misalign` that each perturbation turns. */
const settings = {
  translation: "translationMm",
  rotation: "rotationDegrees",
  elastic: "elasticMm",
  "slice-drop": "droppedSlices",
} as const satisfies Record<Perturbation, keyof Misalignment>;

/** The data set with every modality but the first misaligned; a case moves the same way at every level. */
function misaligned(dataset: Dataset, perturbation: Perturbation, level: number, seed: number): Dataset {
  return dataset.modalities.slice(1).reduce<Dataset>(
    (moved, { id }) => misalign(moved, { modality: id, [settings[perturbation]]: level, seed }),
    dataset,
  );
}

function chosenKinds(list: string | undefined): Perturbation[] {
  const kinds = Object.keys(perturbationUnits) as Perturbation[];
  const chosen = list?.split(",") ?? kinds;
  const unknown = chosen.find((kind) => !(kinds as string[]).includes(kind));
  if (unknown !== undefined) throw new UsageError(`--perturbations ${unknown}: expected ${kinds.join(", ")}`);
  return chosen as Perturbation[];
}

const command: Command = {
  name: "robustness",
  summary: "Tests finished runs on misaligned input and writes robustness.csv into each run folder, where\n" +
    "`report` finds it. Every modality but the first is misaligned, its labels along with it.",
  positional: "RUN…",
  options: {
    ...dataOptions,
    out: { value: "DIR", help: "also write the curves and tables into this folder" },
    perturbations: { value: "NAME,…", help: `some of ${Object.keys(levels).join(", ")} (all)` },
    seed: { value: "N", help: "decides directions, axes, fields and slices (0)" },
    device: { value: "NAME", help: "auto, cpu or webgpu" },
  },
  async run(values, folders): Promise<Result> {
    if (folders.length === 0) throw new UsageError("no run folder is named", "See --help.");
    const dataset = await openData(values);
    if (dataset === undefined) throw new UsageError("--data is missing", "See --help.");
    if (dataset.modalities.length < 2) {
      throw new EvalError(
        "robustness.modalities",
        `${dataset.name} has one modality; there is nothing to misalign`,
        {
          fix: "Give a data set with at least two modalities.",
        },
      );
    }
    const kinds = chosenKinds(text(values, "perturbations")), seed = number(values, "seed") ?? 0;
    using device = await openChosenDevice(deviceChoice(values));
    const all: RobustnessRecord[] = [];
    for (const folder of folders) {
      const run = await readRunFolder(folder), own: RobustnessRecord[] = [];
      using predictor = openPredictor(await Deno.readFile(`${folder}/checkpoints/best.safetensors`), device);
      const { segment, info } = predictor;
      for (const perturbation of kinds) {
        for (const level of levels[perturbation]) {
          const records = await evaluateCases(
            misaligned(dataset, perturbation, level, seed),
            run.split.test as string[],
            segment,
            info.spacing === null ? {} : { spacing: info.spacing },
          );
          own.push(
            ...tagRecords(records, { ...run, run: run.name }).map((r) => ({ ...r, perturbation, level })),
          );
          console.error(`${run.name}: ${perturbation} ${level} ${perturbationUnits[perturbation]}`);
        }
      }
      await Deno.writeTextFile(`${folder}/robustness.csv`, caseCsv(own));
      all.push(...own);
    }
    const out = text(values, "out");
    if (out !== undefined) {
      await Deno.mkdir(out, { recursive: true });
      for (const metric of ["dice", "assd_mm"] as const) {
        await Deno.writeTextFile(`${out}/robustness_${metric}.svg`, robustnessCurves(all, { metric }));
        await Deno.writeTextFile(`${out}/robustness_${metric}.md`, robustnessTable(all, { metric }));
        await Deno.writeTextFile(
          `${out}/robustness_${metric}.csv`,
          robustnessTable(all, { metric, format: "csv" }),
        );
      }
    }
    return { text: robustnessTable(all), json: { records: all } };
  },
};

if (import.meta.main) await main(command);
