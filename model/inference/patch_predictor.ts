/**
 * A network as the plain function that sliding-window inference takes.
 *
 * @module
 */

import type { PatchPredictor } from "../../eval/sliding_window.ts";
import { noGrad } from "../../tensor/autograd.ts";
import type { Device } from "../../tensor/device.ts";
import { softmax } from "../../tensor/ops/softmax.ts";
import type { Shape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Segmenter } from "../segmenter.ts";

/**
 * Class probabilities of patches.
 *
 * @param present which modalities of the network are given, in its order; the predictor gets patches of these
 * only and returns one output for each
 */
export function patchPredictor(
  device: Device,
  network: Segmenter,
  patch: Shape,
  present: readonly boolean[],
): PatchPredictor {
  return async (patches, count) => {
    const probabilities = noGrad(() => {
      const given = [...patches];
      const images = present.map((is) =>
        is ? Tensor.from(device, given.shift()!, [count, 1, ...patch]) : null
      );
      return network.segment(images).flatMap((logits) => logits ? [softmax(logits, 1)] : []);
    });
    try {
      return await Promise.all(probabilities.map((tensor) => tensor.data())) as Float32Array[];
    } finally {
      for (const tensor of probabilities) tensor.dispose();
    }
  };
}
