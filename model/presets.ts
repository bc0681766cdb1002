/**
 * Named sizes of the network.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import type { Triple } from "../tensor/shape.ts";
import { lightShape, type UnetLevel, type UnetShape, universalShape } from "./unet_shape.ts";

/** A named size. */
export interface Preset {
  /** The U-Net of each modality: four levels of 3×3×3 that halve every axis, or the given levels. */
  readonly unet: (levels?: readonly UnetLevel[]) => UnetShape;
  /** Patch the size was made for, in voxels. */
  readonly patch: Triple;
}

/** Name of a preset. */
export type PresetName = "unet-tiny" | "unet-light" | "unet-small" | "unet-base" | "unet-paper";

/** All presets by name. */
export const presets: Readonly<Record<PresetName, Preset>> = {
  /** For a laptop's processor: trains in minutes. */
  "unet-tiny": { unet: (levels) => universalShape(4, levels), patch: [32, 32, 32] },
  /** Light decoder, 0.96 M parameters for two modalities and three classes. */
  "unet-light": { unet: (levels) => lightShape(8, levels), patch: [24, 40, 32] },
  /** For one workstation. */
  "unet-small": { unet: (levels) => universalShape(8, levels), patch: [64, 64, 64] },
  /** For a discrete GPU. */
  "unet-base": { unet: (levels) => universalShape(16, levels), patch: [96, 96, 96] },
  /** The size of the authors' released network. */
  "unet-paper": { unet: (levels) => universalShape(32, levels), patch: [128, 128, 128] },
};

/** The names, smallest first. */
export const presetNames: readonly PresetName[] = Object.keys(presets) as PresetName[];

/**
 * The preset of a name.
 *
 * @throws {CodedError} `model.preset` for an unknown name, listing the known ones
 */
export function presetNamed(name: string): Preset {
  const preset = Object.hasOwn(presets, name) ? presets[name as PresetName] : undefined;
  if (!preset) {
    throw new CodedError("model.preset", `there is no preset ${JSON.stringify(name)}`, {
      fix: `Use one of ${presetNames.join(", ")}.`,
    });
  }
  return preset;
}
