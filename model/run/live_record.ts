/**
 * What a training leaves in its folder while it runs, for those who watch it: the log between two checkpoints, times
 * and memory, learning curves, and outlines on a validation case. None of it decides the result.
 *
 * @module
 */

import {
  type Dataset,
  fileName,
  gridOf,
  labelledCase,
  labelsAt,
  modalitiesOf,
  toAnatomical,
} from "../../data/mod.ts";
import { average, learningCurves, type LogRow, lossColumns, overlayPlot, parseLog } from "../../eval/mod.ts";
import type { Device } from "../../tensor/device.ts";
import type { Prediction } from "../inference/evaluate_cases.ts";
import type { StepTime } from "../train/step_queue.ts";
import { logCsv } from "./log_csv.ts";
import type { RunFolder } from "./run_folder.ts";

/** Milliseconds between two looks at a training, unless writing takes longer than a fiftieth of them. */
const interval = 5000;

/** What is known of a training. */
interface LiveSetting {
  readonly device: Device;
  readonly dataset: Dataset;
}

/** Writes `log.csv`, `timing.csv` and `plots/` of a run that goes on. */
export class LiveRecord {
  readonly #folder: RunFolder;
  readonly #setting: LiveSetting;
  readonly #timing: LogRow[];
  readonly #session: number;
  #untold: StepTime[] = [];
  #next = 0;
  #shownCase: string | undefined;

  private constructor(folder: RunFolder, setting: LiveSetting, earlier: readonly LogRow[]) {
    this.#folder = folder;
    this.#setting = setting;
    this.#timing = [...earlier];
    this.#session = (earlier.at(-1)?.session ?? 0) + 1;
  }

  /**
   * Goes on with what earlier processes wrote about the run.
   *
   * @throws {EvalError} `eval.csv`, `eval.log` for a damaged `timing.csv`
   */
  static async begin(folder: RunFolder, setting: LiveSetting): Promise<LiveRecord> {
    const path = `${folder.path}/timing.csv`;
    try {
      return new LiveRecord(folder, setting, parseLog(await Deno.readTextFile(path), path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new LiveRecord(folder, setting, []);
      throw error;
    }
  }

  /** Wall time of the processes before this one, from the first note of each to its last, in seconds. */
  secondsBefore(): number {
    const earlier = this.#timing.filter(({ session }) => session !== this.#session);
    return [...Map.groupBy(earlier, ({ session }) => session).values()]
      .reduce((sum, rows) => sum + rows.at(-1)!.unix_s! - rows[0]!.unix_s!, 0);
  }

  /** Takes note of a step; at the first one, and every few seconds, writes the log and the times. */
  async stepped(log: readonly LogRow[], took: StepTime): Promise<void> {
    this.#untold.push(took);
    const begin = performance.now();
    if (begin < this.#next) return;
    await this.#folder.write("log.csv", logCsv(log));
    await this.#writeTiming(log.at(-1)!.step);
    const now = performance.now();
    this.#next = now + Math.max(interval, 50 * (now - begin));
  }

  /** Brings times and learning curves to where a checkpoint is. */
  async saved(log: readonly LogRow[]): Promise<void> {
    if (log.length === 0) return;
    await this.#writeTiming(log.at(-1)!.step);
    const curves = learningCurves(log, { columns: lossColumns([log]) });
    await this.#folder.write("plots/learning_curves.svg", curves);
  }

  async #writeTiming(step: number): Promise<void> {
    if (this.#untold.length === 0) return;
    const mean = (key: keyof StepTime) =>
      Number(average(this.#untold.map((took) => took[key]))!.toPrecision(4));
    this.#timing.push({
      step,
      session: this.#session,
      unix_s: Math.round(Date.now() / 1000),
      step_ms: mean("ms"),
      wait_ms: mean("waitMs"),
      device_peak_bytes: this.#setting.device.stats().peakBytes,
      process_bytes: Deno.memoryUsage().rss,
    });
    this.#untold = [];
    await this.#folder.write("timing.csv", logCsv(this.#timing));
  }

  /** Draws the first case of a validation, always the same one: reference and prediction in three planes. */
  async show({ case: id, modality, labels, records }: Prediction, step: number): Promise<void> {
    this.#shownCase ??= id;
    if (id !== this.#shownCase) return;
    const { dataset } = this.#setting, of = labelledCase(dataset, id);
    const at = modalitiesOf(dataset, of).findIndex((candidate) => candidate.id === modality);
    const image = (await dataset.loadImages(of))[at]!, reference = (await dataset.loadLabels(of))[at]!;
    const dice = average(records.flatMap((record) => record.dice ?? []));
    const drawing = overlayPlot({
      title: `${id}, ${modality}, step ${step}: Dice ${dice?.toFixed(3) ?? "undefined"}`,
      image: toAnatomical(image),
      reference: toAnatomical(labelsAt(reference, gridOf(image))),
      prediction: toAnatomical(labels),
      classes: dataset.classes,
    });
    await this.#folder.write(`plots/validation_${fileName(modality)}.svg`, drawing);
  }
}
