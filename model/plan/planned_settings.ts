/**
 * What a plan decides, and what that costs.
 *
 * @module
 */

import type { PresetName } from "../presets.ts";
import type { UnetLevel } from "../unet_shape.ts";

/** The settings that a plan decides. */
export interface PlannedSettings {
  /** Width of the network. */
  readonly preset: PresetName;
  /** Voxels of a patch along D, H, W. */
  readonly patch: [number, number, number];
  /** Kernel and stride of each level, from the finest. */
  readonly levels: readonly UnetLevel[];
  /** Labelled patches a step. */
  readonly batch: number;
}

/** What settings cost: multiply-adds of one patch of every modality, and the memory of a whole step. */
export type CostOfSettings = (
  settings: PlannedSettings,
) => Promise<{ readonly multiplyAdds: number; readonly peakBytes: number }>;
