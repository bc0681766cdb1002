/**
 * What all networks of a training are built with, whatever the method.
 *
 * @module
 */

import type { RelativePositionForm } from "../tensor/ops/attention.ts";
import { type PresetName, presetNamed } from "./presets.ts";
import type { UnetLevel, UnetShape } from "./unet_shape.ts";
import type { VitTuning } from "./vit.ts";

/** Size and storage of a network. */
export interface NetworkConfig {
  /** Size of the network. */
  readonly preset: PresetName;
  /** Kernel and stride of each level of the network, from the finest. */
  readonly levels: readonly UnetLevel[];
  /**
   * How the network stores activations: `f16` takes half the memory, on devices that have it. Arithmetic,
   * parameters and gradients are f32 either way.
   */
  readonly storage: "f32" | "f16";
  /** How relative positions enter a Vision Transformer; weights of SAM-Med3D need `sam-med3d`. */
  readonly positions: RelativePositionForm;
  /** Whether patch embedding, positions and blocks of a Vision Transformer are trained. */
  readonly trunk: "trained" | "frozen";
  /** Bottleneck channels of the adapter after each block of a Vision Transformer; 0 for none. */
  readonly adapterRank: number;
  /** Rank of the correction to each block's query, key and value weights (LoRA); 0 for none. */
  readonly loraRank: number;
  /** Whether labels teach the coarser levels of the decoder too, each by a head of its own. */
  readonly deepSupervision: "off" | "on";
}

/** What is trained of a Vision Transformer. */
export function tuningOf({ trunk, adapterRank, loraRank }: NetworkConfig): VitTuning {
  return { isFrozen: trunk === "frozen", adapterRank, loraRank };
}

/** The shape of the configured network. */
export function unetOf({ preset, levels, positions }: NetworkConfig): UnetShape {
  const unet = presetNamed(preset).unet(levels);
  return unet.vit ? { ...unet, vit: { ...unet.vit, positions } } : unet;
}
