/**
 * A trained network as an ONNX model: what it computes from one window of each scan to the probability of each
 * class. How scans become windows travels along as text.
 *
 * @module
 */

import { openPredictor } from "../../inference/predict.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { encodeOnnx } from "./model.ts";
import { TracingDevice } from "./tracing_device.ts";

/** The name of the output of a modality. */
export const outputName = (modality: string): string => `probabilities_${modality}`;

/**
 * Makes the model. Its inputs are named after the modalities, `[1,1,D,H,W]` with the window of the training, f32, as
 * the `preparation` in its metadata makes them; its outputs are `probabilities_` and the modality, `[1,K,D,H,W]`, the
 * background first. Operator set 18.
 *
 * @param checkpoint content of a checkpoint
 * @throws {CodedError} `export.operator` for a network that uses an op without a form in ONNX here; what
 * `openPredictor` throws
 */
export function exportOnnx(checkpoint: Uint8Array): Uint8Array<ArrayBuffer> {
  using device = new TracingDevice();
  const { info: { preparation, config }, segment: { network, patch } } = openPredictor(checkpoint, device);
  const ids = preparation.modalities.map(({ id }) => id);
  noGrad(() => {
    const images = ids.map((id) => {
      const image = Tensor.zeros(device, [1, 1, ...patch]);
      device.nameInput(id, image.operand());
      return image;
    });
    // Scans that share no space are segmented one by one, as if alone.
    const sets = preparation.aligned
      ? [images]
      : images.map((own) => images.map((one) => one === own ? one : null));
    for (const set of sets) {
      network.segment(set).forEach((logits, at) => {
        if (logits) device.nameOutput(outputName(ids[at]!), softmax(logits, 1).operand());
      });
    }
  });
  return encodeOnnx({
    ...device.graph(),
    metadata: {
      preparation: JSON.stringify(preparation),
      patch: JSON.stringify(patch),
      classes: JSON.stringify(["background", ...preparation.classes.map(({ name }) => name)]),
      method: config.methodLabel,
    },
  });
}
