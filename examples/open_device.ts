/**
 * Opens the device of `--device` with what `deno task tune` measured on this machine.
 *
 * @module
 */

import {
  type Device,
  type DeviceChoice,
  openDevice,
  parseTuningFile,
  type TuningFile,
} from "../tensor/mod.ts";

/** Where `deno task tune` keeps its measurements, below the working directory. */
export const tuningPath = ".cmc/tuning.json";

/** The measurements, if there are any and they may be read. */
export async function readTuning(path: string = tuningPath): Promise<TuningFile | undefined> {
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return undefined;
  try {
    return parseTuningFile(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The device of a command. */
export async function openChosenDevice(choice: DeviceChoice, threads?: number | undefined): Promise<Device> {
  return await openDevice(choice, { threads, measured: choice === "cpu" ? undefined : await readTuning() });
}
