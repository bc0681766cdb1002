/**
 * Named sizes of the network.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import type { Triple } from "../tensor/shape.ts";
import { lightShape, type UnetLevel, type UnetShape, universalShape } from "./unet_shape.ts";
import { samMed3d, type VitShape } from "./vit.ts";
import { vitUnet } from "./vit_encoder.ts";

/** A named size. */
export interface Preset {
  /** The network of each modality; of a U-Net, four levels of 3×3×3 that halve every axis, or the given levels. */
  readonly unet: (levels?: readonly UnetLevel[]) => UnetShape;
  /** Patch the size was made for, in voxels. */
  readonly patch: Triple;
}

/** Name of a preset. */
export type PresetName =
  | "unet-tiny"
  | "unet-light"
  | "unet-small"
  | "unet-base"
  | "unet-paper"
  | "vit-tiny"
  | "vit-small"
  | "vit-base";

/** A Vision Transformer with a stem and a decoder of base width w. Its levels follow from its patches. */
function vitPreset(vit: VitShape, width: number, up: UnetShape["up"]): Preset {
  const size = vit.patch * vit.grid;
  return {
    patch: [size, size, size],
    unet(levels) {
      const unet = vitUnet(vit, width, up);
      if (levels === undefined || JSON.stringify(levels) === JSON.stringify(unet.levels)) return unet;
      throw new CodedError(
        "model.levels",
        `a Vision Transformer of ${vit.patch}³ patches has ${unet.levels.length} levels that halve every axis`,
        { fix: "Leave levels out, or choose a U-Net." },
      );
    },
  };
}

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
  /** For trying things out. */
  "vit-tiny": vitPreset(
    {
      patch: 8,
      grid: 4,
      channels: 48,
      depth: 2,
      heads: 3,
      window: 2,
      globalBlocks: [1],
      outputs: 32,
      positions: "axis",
    },
    4,
    "below",
  ),
  /** For one workstation. */
  "vit-small": vitPreset(
    {
      patch: 8,
      grid: 8,
      channels: 192,
      depth: 6,
      heads: 6,
      window: 4,
      globalBlocks: [2, 5],
      outputs: 64,
      positions: "axis",
    },
    8,
    "below",
  ),
  /** The paper's encoder, SAM-Med3D's: 93 million parameters a modality. For a discrete GPU. */
  "vit-base": vitPreset({ ...samMed3d, positions: "axis" }, 16, "skip"),
};

/** The names: U-Nets, then Transformers, smallest first. */
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
