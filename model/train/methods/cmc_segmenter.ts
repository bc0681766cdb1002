/**
 * The CMC network as methods use it.
 *
 * @module
 */

import type { Init } from "../../../tensor/layers.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { Cmc } from "../../cmc.ts";
import type { NetworkConfig } from "../../network_config.ts";
import { presetNamed } from "../../presets.ts";
import type { Task } from "../../segmenter.ts";

/** {@link Cmc} with the interface of a segmenter. */
export class CmcSegmenter extends Cmc {
  /** Logits of every given image. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return this.forward(images).logits;
  }
}

/** A network of the configured preset, one encoder and decoder a modality. */
export function buildCmc(init: Init, task: Task, { preset, levels, storage }: NetworkConfig): CmcSegmenter {
  return new CmcSegmenter(init, { ...task, unet: presetNamed(preset).unet(levels), shared: false, storage });
}
