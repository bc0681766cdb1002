/**
 * Late fusion: supervised training of a U-Net a modality, whose predictions are averaged.
 *
 * @module
 */

import { SeparateUnets } from "../../separate_unets.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Method } from "../method.ts";
import { meanPrediction, separateShape } from "./networks.ts";
import { supervisedLoss } from "./terms.ts";

/** A U-Net a modality; predicts what they say on average. */
export class LateFusion extends SeparateUnets {
  /** The mean of all probabilities, for every given image. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return meanPrediction(this.forward(images).logits);
  }
}

/** Each U-Net is trained on its own modality alone. */
export const lateFusion: Method<Record<never, never>, LateFusion> = {
  name: "late-fusion",
  cite: "",
  summary: "supervised; a U-Net a modality, whose probabilities are averaged; the modalities must be aligned",
  settings: {},
  comparesVoxels: () => true,
  build: (init, task, config) => new LateFusion(init, separateShape(task, config)),
  wants: () => ({}),
  losses(network, { labelled: { images, labels } }) {
    return { supervised: { value: supervisedLoss(network.forward(images).logits, labels), weight: 1 } };
  },
};
