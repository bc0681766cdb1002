/**
 * The networks of the preset in the forms that methods ask for.
 *
 * @module
 */

import type { Init } from "../../../tensor/layers.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import { maximum } from "../../../tensor/ops/elementwise.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { type NetworkConfig, tuningOf, unetOf } from "../../network_config.ts";
import type { Task } from "../../segmenter.ts";
import { type SeparateShape, SeparateUnets } from "../../separate_unets.ts";

/** The U-Nets of {@link SeparateUnets} as a segmenter: each image by its own. */
export class SeparateSegmenter extends SeparateUnets {
  /** Logits of every given image. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return this.forward(images).logits;
  }
}

/** The configured network, one a modality. */
export function separateShape(task: Task, config: NetworkConfig): SeparateShape {
  return { ...task, unet: unetOf(config), tuning: tuningOf(config), storage: config.storage };
}

/** One network of the preset a modality. */
export function buildSeparate(
  init: Init,
  task: Task,
  config: NetworkConfig,
  sharesConvolutions = false,
): SeparateSegmenter {
  return new SeparateSegmenter(init, { ...separateShape(task, config), sharesConvolutions });
}

/** The mean of the probabilities of all given predictions, as logits of each. */
export function meanPrediction(logits: readonly (Tensor | null)[]): (Tensor | null)[] {
  const given = logits.filter((z) => z !== null);
  const mean = given.map((z) => softmax(z, 1)).reduce((sum, p) => sum.add(p)).div(given.length);
  const joint = maximum(mean, 1e-8).log();
  return logits.map((z) => z && joint);
}
