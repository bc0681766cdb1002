/**
 * What all networks of a training are built with, whatever the method.
 *
 * @module
 */

import type { PresetName } from "./presets.ts";
import type { UnetLevel } from "./unet_shape.ts";

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
}
