/**
 * A trained network for new images.
 *
 * @module
 */

import { checkFinite } from "../../data/finite.ts";
import { type PreparedImage, prepareImages } from "../../data/prepare.ts";
import type { Volume } from "../../data/volume.ts";
import type { Device } from "../../tensor/device.ts";
import { CodedError } from "../../tensor/errors.ts";
import { Random } from "../../tensor/random.ts";
import { type CheckpointInfo, decodeCheckpoint } from "../run/checkpoint.ts";
import { methods } from "../train/methods/table.ts";
import { type Segmentation, segmentCase, type SegmentOptions, type SegmentSetting } from "./segment_case.ts";

/** A network with what it needs to know about images. */
export interface Predictor extends Disposable {
  /** What the checkpoint says about itself. */
  readonly info: CheckpointInfo;
  /** How cases are segmented. */
  readonly segment: SegmentSetting;
}

/**
 * Loads a network from a checkpoint.
 *
 * @param bytes content of a file from the `checkpoints` folder of a run
 * @throws {ParameterFileError} for a damaged file or one of another kind
 */
export function openPredictor(bytes: Uint8Array, device: Device): Predictor {
  const { info, network: parameters } = decodeCheckpoint(bytes);
  const classes = info.classes.length + 1;
  const task = { modalities: info.modalities.length, classes };
  // Parameters are f32 whatever the training stored, and f32 runs on every device.
  const config = { ...info.config, storage: "f32" } as const;
  const network = methods[config.method]!.build({ device, random: new Random(0) }, task, config);
  network.loadStateDict(parameters);
  return {
    info,
    segment: { device, network, patch: config.patch, classes },
    [Symbol.dispose]: () => network[Symbol.dispose](),
  };
}

/**
 * Segments the images of one case.
 *
 * @param images raw volumes by modality id; at least one of the network's modalities
 * @returns one segmentation for each given image
 * @throws {CodedError} `predict.modality` for an image of a modality that the network does not know;
 * `data.nonfinite` for one with NaN or infinite voxels
 */
export function predict(
  { info, segment }: Predictor,
  images: ReadonlyMap<string, Volume<Float32Array>>,
  options: SegmentOptions = {},
): Promise<Segmentation[]> {
  const unknown = [...images.keys()].find((id) => !info.modalities.some((modality) => modality.id === id));
  if (unknown !== undefined || images.size === 0) {
    throw new CodedError(
      "predict.modality",
      unknown === undefined
        ? "no image is given"
        : `the network knows no modality ${JSON.stringify(unknown)}`,
      { fix: `Give images of ${info.modalities.map(({ id }) => id).join(", ")}.` },
    );
  }
  const present = info.modalities.filter(({ id }) => images.has(id));
  const volumes = present.map(({ id }) => checkFinite(images.get(id)!, `image ${id}`));
  const prepared = prepareImages(
    volumes,
    present,
    info.aligned,
    info.spacing ? { spacing: info.spacing } : {},
  );
  const slots = info.modalities.map(({ id }): PreparedImage | null =>
    prepared.find((image) => image.modality.id === id) ?? null
  );
  return segmentCase(segment, slots, options);
}
