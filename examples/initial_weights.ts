/**
 * The weights that `--init` names.
 *
 * @module
 */

import {
  aboutFile,
  decodeCheckpoint,
  type Initial,
  readFile,
  settingsFor,
  type TrainConfig,
} from "../model/mod.ts";
import { decodeSafetensors } from "../tensor/mod.ts";
import type { DataSettings } from "./train_settings.ts";

/** The weights to start from, and settings of the network that follow from them; nothing when none are named. */
export async function initialWeights(
  { init: path, initPartial = false }: Pick<DataSettings, "init" | "initPartial">,
): Promise<Initial & { readonly network: Partial<TrainConfig> } | undefined> {
  if (path === undefined) return undefined;
  const place = await Deno.stat(path).catch(() => undefined);
  const name = place?.isDirectory ? `${path}/checkpoints/best.safetensors` : path;
  const bytes = await readFile(name, "Give a run folder, a checkpoint or a file of convert after --init.");
  return aboutFile(name, () => {
    const file = decodeSafetensors(bytes);
    if (!file.metadata.has("checkpoint")) return { file, partial: initPartial, network: settingsFor(file) };
    const { preset, levels, positions } = decodeCheckpoint(bytes).info.config;
    return { file, partial: initPartial, network: { preset, levels, positions } };
  });
}
