/**
 * The log of a training as TensorBoard reads it, beside `log.csv`: `events.out.tfevents.*` in the run folder.
 *
 * @module
 */

import type { LogRow } from "../../eval/mod.ts";
import { restartRecord, scalarsRecord, versionRecord } from "./event_record.ts";
import type { RunFolder } from "./run_folder.ts";

const prefix = "events.out.tfevents.";

/** The tags of a row: TensorBoard shows in one section what is the same before the slash. */
function scalarsOf({ step: _, ...columns }: LogRow): Record<string, number> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [
      name.startsWith("val_") ? `validation/${name.slice(4)}` : `train/${name}`,
      value,
    ]),
  );
}

/** Adds each step to an event file; each process writes one of its own. */
export class EventFile {
  readonly #folder: RunFolder;
  readonly #name: string;

  private constructor(folder: RunFolder, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /**
   * Begins the file of this process. Where no earlier one wrote any, it holds the whole log.
   *
   * @param log what a resumed run has done already
   * @throws {CodedError} `io.write`, `io.permission`
   */
  static async begin(folder: RunFolder, log: readonly LogRow[]): Promise<EventFile> {
    const earlier = (await folder.names()).filter((name) => name.startsWith(prefix));
    const seconds = Date.now() / 1000;
    // Readers take the files in the order of their names, even if the clock was set back.
    const taken = earlier.map((name) => Number.parseInt(name.slice(prefix.length)));
    const begun = Math.max(Math.floor(seconds), ...taken.map((second) => second + 1));
    const file = new EventFile(folder, `${prefix}${begun}.cmc`);
    const untold = earlier.length > 0 ? [] : log;
    const first = untold.length > 0 ? untold[0]!.step : (log.at(-1)?.step ?? 0) + 1;
    await file.#add([
      versionRecord(seconds),
      restartRecord(seconds, first),
      ...untold.map((row) => scalarsRecord(seconds, row.step, scalarsOf(row))),
    ]);
    return file;
  }

  /**
   * Adds the step that is the last of the log.
   *
   * @throws {CodedError} `io.write`, `io.permission`
   */
  async stepped(log: readonly LogRow[]): Promise<void> {
    const row = log.at(-1)!;
    await this.#add([scalarsRecord(Date.now() / 1000, row.step, scalarsOf(row))]);
  }

  async #add(records: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    await this.#folder.append(this.#name, new Uint8Array(await new Blob([...records]).arrayBuffer()));
  }
}
