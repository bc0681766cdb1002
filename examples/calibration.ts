/**
 * Measures how far the confidence of finished runs can be trusted on their test cases.
 *
 * ```sh
 * deno task calibration runs/cmc-seed0 --data DIR
 * ```
 *
 * @module
 */

import {
  type Dataset,
  type PreparedImage,
  restoreProbabilities,
  rowMajor,
  shapeOf,
  type Volume,
} from "../data/mod.ts";
import {
  addCalibrationCounts,
  type CalibrationCounts,
  calibrationCounts,
  calibrationCsv,
  calibrationOf,
  EvalError,
  readRunFolder,
  reliabilityDiagram,
  runFiles,
  type RunResults,
} from "../eval/mod.ts";
import { gridOf } from "../data/volume.ts";
import { evaluateCases, type Method, openPredictor, Progress } from "../model/mod.ts";
import {
  type Command,
  deviceChoice,
  deviceOptions,
  main,
  number,
  type Result,
  UsageError,
} from "./command.ts";
import { ownMethod, ownMethodOption } from "./method_options.ts";
import { dataOptions, openData, phantomOf } from "./open_data.ts";
import { judgedCheckpoint } from "./judged_checkpoint.ts";
import { openChosenDevice } from "./open_device.ts";
import { prepareOutputs } from "./outputs.ts";
import { terminal } from "./terminal.ts";

const written = ["calibration.csv", "calibration.svg"] as const;

/** Counts one image: its probabilities on the grid of the reference, both in row-major order. */
function countImage(
  image: PreparedImage,
  probabilities: Float32Array,
  reference: Volume<Uint8Array>,
): CalibrationCounts {
  const voxels = shapeOf(reference).reduce((a, b) => a * b);
  const volumes = [...restoreProbabilities(image, probabilities, gridOf(reference))];
  const all = new Float32Array(voxels * volumes.length);
  volumes.forEach((volume, k) => all.set(rowMajor(volume), k * voxels));
  return calibrationCounts(all, rowMajor(reference), { foreground: true });
}

async function calibrate(
  folder: string,
  run: RunResults,
  dataset: Dataset,
  device: Parameters<typeof openPredictor>[1],
  method: Method | undefined,
): Promise<Map<string, CalibrationCounts>> {
  using predictor = openPredictor(await Deno.readFile(`${folder}/${judgedCheckpoint(run)}`), device, method);
  const progress = new Progress(terminal, 1), counts = new Map<string, CalibrationCounts>();
  await evaluateCases(dataset, run.split.test as string[], predictor.segment, predictor.info.preparation, {
    probable: ({ image, probabilities, reference }) => {
      const own = countImage(image, probabilities, reference), known = counts.get(image.modality.id);
      counts.set(image.modality.id, known === undefined ? own : addCalibrationCounts([known, own]));
    },
    progress: (text, share) => progress.busy(`${run.name}: ${text}`, share),
  });
  progress.clear();
  return counts;
}

/** What `deno task calibration` does. */
export const command: Command = {
  name: "calibration",
  summary:
    "Expected calibration error (ECE) of finished runs on their test cases: how far the probability of the predicted\n" +
    "class is from the share of voxels that are right. Over voxels whose predicted or reference class is not background,\n" +
    "15 bins. Writes calibration.csv and calibration.svg into each run folder, where `report` finds them.",
  positional: "RUN…",
  options: { ...dataOptions, method: ownMethodOption, ...deviceOptions },
  examples: [
    "runs/cmc-seed0",
    "runs/cmc-seed0 --data scans/ --json",
  ],
  async run(values, folders): Promise<Result> {
    if (folders.length === 0) throw new UsageError("no run folder is named", "See --help.");
    const runs: RunResults[] = [];
    for (const folder of folders) runs.push(await readRunFolder(folder));
    await prepareOutputs(
      folders.flatMap((folder) => written.map((name) => `${folder}/${name}`)),
      folders.flatMap((folder) =>
        runFiles.filter((name) => name !== "calibration.csv").map((name) => `${folder}/${name}`)
      ),
    );
    const given = await openData(values);
    const datasets = runs.map((run) => {
      const dataset = given ?? phantomOf([run]);
      if (dataset !== undefined) return dataset;
      throw new EvalError("calibration.data", `${run.name} was trained on files, and --data is missing`, {
        fix: "Give the data set of the runs with --data.",
      });
    });
    const method = await ownMethod(values);
    using device = await openChosenDevice(deviceChoice(values), number(values, "threads"));
    const lines: string[] = [], json: Record<string, unknown>[] = [];
    for (const [i, run] of runs.entries()) {
      const counts = await calibrate(folders[i]!, run, datasets[i]!, device, method);
      await Deno.writeTextFile(`${folders[i]}/calibration.csv`, calibrationCsv(counts));
      await Deno.writeTextFile(`${folders[i]}/calibration.svg`, reliabilityDiagram(counts));
      for (const [modality, own] of counts) {
        const { ece, mce } = calibrationOf(own), voxels = own.n.reduce((a, b) => a + b, 0);
        lines.push(
          `${run.name}  ${modality}  ECE ${ece.toFixed(4)}  largest gap ${mce.toFixed(4)}  ${voxels} voxels`,
        );
        json.push({ run: run.name, modality, ece, mce, voxels, bins: calibrationOf(own).bins });
      }
    }
    return { text: lines.join("\n"), json: { calibration: json } };
  },
};

if (import.meta.main) await main(command);
