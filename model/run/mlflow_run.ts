/**
 * A training as a run of MLflow. A server that goes away does not disturb the training: what it has not got is kept
 * and sent again.
 *
 * @module
 */

import type { LogRow } from "../../eval/mod.ts";
import { MlflowClient, type MlflowMetric, type MlflowStatus } from "./mlflow_client.ts";
import { readJsonObject } from "./read_json.ts";
import type { RunFolder } from "./run_folder.ts";

/** Where a training is told. */
export interface MlflowSetting {
  /** Address of the server, such as `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Name of the experiment; made where there is none. */
  readonly experiment: string;
  /** Where it is said that the server does not answer. */
  readonly warn: (message: string) => void;
}

/** In the run folder: which run it is at the server, and the last step that the server has. */
interface Place extends Omit<MlflowSetting, "warn"> {
  readonly run: string;
  readonly step: number;
}

const file = "mlflow.json";

/** Milliseconds between two messages, and between two tries. */
const interval = 5000;

/** The most numbers that a message may have. */
const most = 1000;

/** The longest value that every version of MLflow takes. */
const longest = 500;

/** MLflow takes letters, digits and `_-. /` in names. */
const keyOf = (column: string) => column.replaceAll(/[^\w\-. /]/g, "_");

/** Settings as values; lists and groups as JSON. What is too long for a value is told as such. */
function paramsOf(config: Readonly<Record<string, unknown>>): { key: string; value: string }[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const word = typeof value === "string" ? value : JSON.stringify(value);
    if (word === undefined) return [];
    return [{ key: keyOf(name), value: word.length > longest ? "too long: see config.json" : word }];
  });
}

/**
 * Makes sure that a server answers, before there is a folder.
 *
 * @throws {CodedError} `mlflow.*` when it does not
 */
export async function requireMlflow({ url, experiment }: MlflowSetting): Promise<void> {
  await new MlflowClient(url).experiment(experiment);
}

/** Tells a server about a training. */
export class MlflowRun {
  readonly #client: MlflowClient;
  readonly #folder: RunFolder;
  readonly #warn: (message: string) => void;
  #place: Place;
  #untold: { step: number; metrics: MlflowMetric[] }[] = [];
  #next = 0;
  #isGone = false;

  private constructor(
    client: MlflowClient,
    folder: RunFolder,
    place: Place,
    warn: (message: string) => void,
  ) {
    this.#client = client;
    this.#folder = folder;
    this.#place = place;
    this.#warn = warn;
  }

  /**
   * Makes the run at the server, named like the folder; or goes on with the one that the folder has there.
   *
   * @param log what a resumed run has done already; what the server lacks of it is sent
   * @throws {CodedError} `mlflow.*` when the server does not answer or refuses, `io.*` for the folder
   */
  static async begin(
    folder: RunFolder,
    { url, experiment, warn }: MlflowSetting,
    config: Readonly<Record<string, unknown>>,
    log: readonly LogRow[],
  ): Promise<MlflowRun> {
    const client = new MlflowClient(url);
    const fix = "Remove the file to begin a new run at the server.";
    const path = `${folder.path}/${file}`;
    const earlier = await folder.has(file) ? await readJsonObject(path, fix) as unknown as Place : undefined;
    let place: Place;
    if (earlier?.url === url && earlier.experiment === experiment) {
      place = earlier;
      await client.update(place.run, "RUNNING");
    } else {
      const name = folder.path.split("/").at(-1)!;
      const run = await client.createRun(await client.experiment(experiment), name);
      place = { url, experiment, run, step: 0 };
      await client.logParams(run, paramsOf(config));
      await folder.writeJson(file, place);
    }
    const made = new MlflowRun(client, folder, place, warn);
    for (const row of log) made.#note(row);
    return made;
  }

  /** Takes note of the last step of the log; every few seconds, more seldom where that takes long, sends what is due. */
  async stepped(log: readonly LogRow[]): Promise<void> {
    this.#note(log.at(-1)!);
    const begin = performance.now();
    if (begin < this.#next) return;
    await this.#send();
    const now = performance.now();
    this.#next = now + Math.max(interval, 50 * (now - begin));
  }

  /** Sends the rest and says how the run ended; what the server does not take is said, and does not fail the run. */
  async end(status: MlflowStatus): Promise<void> {
    await this.#send();
    const missing = this.#untold.map(({ step }) => step);
    try {
      if (missing.length === 0) return await this.#client.update(this.#place.run, status);
      this.#warn(
        `MLflow lacks steps ${missing[0]} to ${
          missing.at(-1)
        } of run ${this.#place.run}, and that it is ${status}; ` +
          `log.csv has them`,
      );
    } catch (error) {
      this.#warn(`MLflow was not told that run ${this.#place.run} is ${status}: ${(error as Error).message}`);
    }
  }

  #note({ step, ...columns }: LogRow): void {
    // A resumed run does again what the earlier process told after its last checkpoint: the same numbers.
    if (step <= this.#place.step) return;
    const timestamp = Date.now(); // kept, so that a server that gets a message twice sees that it is the same
    const metrics = Object.entries(columns)
      .map(([column, value]) => ({ key: keyOf(column), value, timestamp, step }));
    this.#untold.push({ step, metrics });
  }

  /** Sends all that is untold, in messages of whole steps, until one fails. */
  async #send(): Promise<void> {
    while (this.#untold.length > 0) {
      let count = 1, size = this.#untold[0]!.metrics.length;
      while (count < this.#untold.length && size + this.#untold[count]!.metrics.length <= most) {
        size += this.#untold[count++]!.metrics.length;
      }
      const part = this.#untold.slice(0, count);
      try {
        await this.#client.logMetrics(this.#place.run, part.flatMap(({ metrics }) => metrics));
      } catch (error) {
        if (!this.#isGone) this.#warn(`${(error as Error).message}; training goes on, and tries again`);
        this.#isGone = true;
        return;
      }
      this.#isGone = false;
      this.#untold.splice(0, count);
      this.#place = { ...this.#place, step: part.at(-1)!.step };
      await this.#folder.writeJson(file, this.#place);
    }
  }
}
