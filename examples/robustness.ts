/**
 * Tests finished runs on worse input: modalities are moved, turned, bent or thinned out against the first, or
 * are missing.
 *
 * ```sh
 * deno task robustness runs/cmc-seed0 runs/supervised-seed0 --data DIR --out robustness
 * ```
 *
 * @module
 */

import { caseOf, type Dataset, misalign, type Misalignment, withholdModalities } from "../data/mod.ts";
import { superiorFirst, turnOf } from "../data/orientation.ts";
import {
  asTrained,
  caseCsv,
  type CaseRecord,
  EvalError,
  missingModalitiesTable,
  type MissingRecord,
  modalityBars,
  type Perturbation,
  perturbationUnits,
  readRunFolder,
  robustnessCurves,
  type RobustnessRecord,
  robustnessTable,
  runFiles,
  type RunRecord,
  type RunResults,
  type TableFormat,
  tagRecords,
  testSets,
} from "../eval/mod.ts";
import { groupRuns } from "../eval/report/run_groups.ts";
import {
  evaluateCases,
  type Method,
  missingStrategies,
  openPredictor,
  Progress,
  useMissingStrategy,
} from "../model/mod.ts";
import { judgedCheckpoint } from "./judged_checkpoint.ts";
import { ownMethod, ownMethodOption } from "./method_options.ts";
import { dataOptions, openData, phantomOf } from "./open_data.ts";
import {
  type Command,
  deviceChoice,
  deviceOptions,
  main,
  number,
  type Result,
  text,
  UsageError,
} from "./command.ts";
import { openChosenDevice } from "./open_device.ts";
import { prepareOutputs } from "./outputs.ts";
import { terminal } from "./terminal.ts";

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

/** What `--perturbations` takes. */
const tests = [...Object.keys(levels) as Perturbation[], "missing-modality"] as const;

/** Records of a run on worse input. */
interface Tested {
  readonly robustness: readonly RobustnessRecord[];
  readonly missing: readonly MissingRecord[];
}

/** The data set with every modality but the first misaligned; a case moves the same way at every level. */
export function misaligned(
  dataset: Dataset,
  perturbation: Perturbation,
  level: number,
  seed: number,
): Dataset {
  return dataset.modalities.slice(1).reduce<Dataset>(
    // Another seed for each, or all would move the same way and stay in their places to one another.
    (moved, { id }, i) =>
      misalign(moved, { modality: id, [settings[perturbation]]: level, seed: seed + 1000 * i }),
    dataset,
  );
}

/** The cases that keep a slice of each image when so many are lost. */
export async function deepEnough(
  dataset: Dataset,
  ids: readonly string[],
  dropped: number,
): Promise<string[]> {
  const kept: string[] = [];
  for (const id of ids) {
    const { images } = await dataset.loadGeometry(caseOf(dataset, id));
    const depths = images.map((grid) => grid.shape[turnOf(grid, superiorFirst).axes[0]]!);
    if (Math.min(...depths) > dropped) kept.push(id);
  }
  return kept;
}

/** What the network is given: every set of modalities, the largest first. */
export function inputSets(
  { modalities }: Pick<Dataset, "modalities">,
): { inputs: string; given: string[] }[] {
  const ids = modalities.map(({ id }) => id);
  const sets = Array.from(
    { length: 2 ** ids.length - 1 },
    (_, bits) => ids.filter((_, m) => (bits + 1) & 2 ** m),
  );
  return sets.sort((a, b) => b.length - a.length).map((given) => ({
    inputs: given.length === 1 && ids.length > 1 ? `${given[0]} only` : given.join("+"),
    given,
  }));
}

/** Judges the best checkpoint of a run on its test cases, once for each worse data set. */
async function testRun(
  folder: string,
  run: RunResults,
  dataset: Dataset,
  chosen: readonly string[],
  seed: number,
  device: Parameters<typeof openPredictor>[1],
  method: Method | undefined,
): Promise<Tested> {
  using predictor = openPredictor(await Deno.readFile(`${folder}/${judgedCheckpoint(run)}`), device, method);
  const { segment, info } = predictor, progress = new Progress(terminal, 1);
  const ids = run.split.test as string[];
  const judge = async (worse: Dataset, what: string, cases: readonly string[]): Promise<RunRecord[]> => {
    const has = new Set(worse.cases.map(({ id }) => id));
    const records: CaseRecord[] = await evaluateCases(
      worse,
      cases.filter((id) => has.has(id)),
      segment,
      info.preparation,
      { progress: (text, share) => progress.busy(`${run.name}, ${what}: ${text}`, share) },
    );
    progress.note(`${run.name}: ${what}`);
    return tagRecords(records, { ...run, run: run.name });
  };
  const robustness: RobustnessRecord[] = [], missing: MissingRecord[] = [];
  // After each part, so that what ends the rest does not take it along.
  const write = async (kind: keyof typeof resultFiles, records: readonly RunRecord[]) => {
    if (records.length === 0) return;
    await Deno.writeTextFile(`${folder}/${resultFiles[kind]}.csv`, caseCsv(records));
  };
  for (const perturbation of Object.keys(levels) as Perturbation[]) {
    if (!chosen.includes(perturbation)) continue;
    // At every level the same cases, or the levels could not be compared.
    const cases = perturbation === "slice-drop"
      ? await deepEnough(dataset, ids, Math.max(...levels[perturbation]))
      : ids;
    if (cases.length < ids.length) {
      progress.note(
        `${run.name}: ${perturbation}: ${
          ids.length - cases.length
        } of ${ids.length} cases have too few slices`,
      );
    }
    for (const level of cases.length === 0 ? [] : levels[perturbation]) {
      const what = `${perturbation} ${level} ${perturbationUnits[perturbation]}`;
      const records = await judge(misaligned(dataset, perturbation, level, seed), what, cases);
      robustness.push(...records.map((r) => ({ ...r, perturbation, level })));
    }
    await write("robustness", robustness);
  }
  if (chosen.includes("missing-modality")) {
    const [own, ...others] = missingStrategies(segment.network, dataset.modalities.length);
    for (const { inputs, given } of inputSets(dataset)) {
      const isWhole = given.length === dataset.modalities.length;
      for (const strategy of isWhole ? [own] : [own, ...others]) {
        if (strategy) useMissingStrategy(segment.network, strategy);
        const by = isWhole || strategy === undefined ? "" : strategy;
        const what = `from ${inputs}${by === "" ? "" : `, ${by} for what is missing`}`;
        const records = await judge(withholdModalities(dataset, given), what, ids);
        missing.push(...records.map((r) => ({ ...r, inputs, strategy: by })));
        await write("missing", missing);
      }
    }
  }
  return { robustness, missing };
}

function requireModalities(dataset: Dataset | undefined): Dataset {
  if (dataset === undefined) throw new UsageError("--data is missing", "See --help.");
  if (dataset.modalities.length >= 2) return dataset;
  throw new EvalError(
    "robustness.modalities",
    `${dataset.name} has one modality; there is nothing to misalign or leave out`,
    { fix: "Give a data set with at least two modalities." },
  );
}

function chosenTests(list: string | undefined): readonly string[] {
  const chosen = list?.split(",") ?? tests;
  const unknown = chosen.find((name) => !(tests as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`--perturbations ${unknown}: expected ${tests.join(", ")}`);
  return chosen;
}

const metrics = ["dice", "assd_mm"] as const;

/** A table for each kind of test that was made; they have other columns. */
function tables(
  { robustness, missing }: Tested,
  format: TableFormat,
  metric: typeof metrics[number],
): Readonly<Record<string, string>> {
  return {
    ...(robustness.length > 0 && { robustness: robustnessTable(robustness, { metric, format }) }),
    ...(missing.length > 0 && {
      missing_modalities: missingModalitiesTable(missing, { metric, format }),
    }),
  };
}

/** The files that each kind of test leaves in a run folder. */
const resultFiles = { robustness: "robustness", missing: "missing_modalities" } as const;

/** What is read of a run folder and must stay. */
function inputsOf(folder: string, run: RunResults): string[] {
  const own = runFiles.filter((name) => !Object.values(resultFiles).some((file) => name === `${file}.csv`));
  return [...own, judgedCheckpoint(run)].map((name) => `${folder}/${name}`);
}

/** Every file that may be written into `--out`. */
function outputNames(runs: readonly RunResults[]): string[] {
  return metrics.flatMap((metric) => [
    ...["md", "csv", "svg"].map((ending) => `robustness_${metric}.${ending}`),
    ...["md", "csv"].map((ending) => `missing_modalities_${metric}.${ending}`),
    ...runs.map((run) => `missing_modalities_${run.name}_${metric}.svg`),
  ]);
}

/** What `deno task robustness` does. */
export const command: Command = {
  name: "robustness",
  summary:
    "Tests finished runs on misaligned input and without some modalities. Writes robustness.csv and\n" +
    "missing_modalities.csv into each run folder, where `report` finds them. Where a modality is missing, every\n" +
    "way to fill its place in the fusion is tried, the one trained with first. Every modality but the first is\n" +
    "misaligned, its labels along with it.",
  positional: "RUN…",
  options: {
    ...dataOptions,
    out: { value: "DIR", help: "also write the plots and tables into this folder" },
    perturbations: { value: "NAME,…", help: `some of ${tests.join(", ")} (all)` },
    seed: { value: "N", help: "decides directions, axes, fields and slices (0)" },
    method: ownMethodOption,
    ...deviceOptions,
  },
  examples: [
    "runs/cmc-seed0",
    "runs/cmc-seed0 runs/supervised-seed0 --data scans/ --out figures/",
  ],
  async run(values, folders): Promise<Result> {
    if (folders.length === 0) throw new UsageError("no run folder is named", "See --help.");
    const chosen = chosenTests(text(values, "perturbations")), seed = number(values, "seed") ?? 0;
    const runs: RunResults[] = [];
    for (const folder of folders) runs.push(await readRunFolder(folder));
    const sets = testSets(runs);
    if (sets.length > 1) {
      throw new EvalError(
        "robustness.sets",
        `the runs were tested on different cases: ${
          sets.map((set) => `${set.name}: ${set.runs.map(({ name }) => name).join(", ")}`).join("; ")
        }`,
        { fix: "Their numbers share no table: name the runs of one set at a time." },
      );
    }
    groupRuns(runs); // refuses two of one method, labels and seed, whose records could not be told apart
    const given = await openData(values);
    const datasets = runs.map((run) => given ?? phantomOf([run])).map(requireModalities);
    const out = text(values, "out"), inputs = folders.flatMap((folder, i) => inputsOf(folder, runs[i]!));
    await prepareOutputs(
      [
        ...folders.flatMap((folder) => Object.values(resultFiles).map((name) => `${folder}/${name}.csv`)),
        ...(out === undefined ? [] : outputNames(runs).map((name) => `${out}/${name}`)),
      ],
      inputs,
    );
    const method = await ownMethod(values);
    using device = await openChosenDevice(deviceChoice(values), number(values, "threads"));
    const all = { robustness: [] as RobustnessRecord[], missing: [] as MissingRecord[] };
    for (const [i, run] of runs.entries()) {
      const folder = folders[i]!,
        own = await testRun(folder, run, datasets[i]!, chosen, seed, device, method);
      all.robustness.push(...own.robustness);
      all.missing.push(...own.missing);
    }
    if (out !== undefined) await writeAll(out, all);
    const shown = Object.values(tables(all, "markdown", "dice")).join("\n");
    return { text: shown, json: { records: all.robustness, missing: all.missing } };
  },
};

async function writeAll(out: string, all: Tested): Promise<void> {
  for (const metric of metrics) {
    const files: Record<string, string> = {};
    for (const [format, ending] of [["markdown", "md"], ["csv", "csv"]] as const) {
      for (const [name, content] of Object.entries(tables(all, format, metric))) {
        files[`${name}_${metric}.${ending}`] = content;
      }
    }
    if (all.robustness.some((r) => r[metric] !== null)) {
      files[`robustness_${metric}.svg`] = robustnessCurves(all.robustness, { metric });
    }
    for (const { run } of new Map(all.missing.map((r) => [r.run, r])).values()) {
      const own = asTrained(all.missing).filter((r) => r.run === run && r[metric] !== null);
      if (own.length > 0) files[`missing_modalities_${run}_${metric}.svg`] = modalityBars(own, { metric });
    }
    for (const [name, content] of Object.entries(files)) await Deno.writeTextFile(`${out}/${name}`, content);
  }
}

if (import.meta.main) await main(command);
