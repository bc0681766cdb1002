/**
 * A trained network for new images.
 *
 * @module
 */

import { checkFinite } from "../../data/finite.ts";
import { type PreparedImage, prepareImages } from "../../data/prepare/prepare.ts";
import { onGridOf } from "../../data/grid_check.ts";
import { overlapOf } from "../../data/prepare/common_grid.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { gridOf, type Volume } from "../../data/volume.ts";
import type { Device } from "../../tensor/device.ts";
import { CodedError, ParameterFileError } from "../../tensor/errors.ts";
import { Random } from "../../tensor/random.ts";
import { type CheckpointInfo, decodeCheckpoint } from "../run/checkpoint.ts";
import type { Method } from "../train/method.ts";
import { methodNamed } from "../train/resolve.ts";
import { taskOf } from "../segmenter.ts";
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
 * @param method of a network that was trained with a method which is not in the table
 * @throws {ParameterFileError} for a damaged file or one of another kind, among them a pre-training's
 * @throws {CodedError} `method.unknown` when the method is neither given nor in the table
 */
export function openPredictor(bytes: Uint8Array, device: Device, method?: Method): Predictor {
  const { info, network: trained, average } = decodeCheckpoint(bytes);
  const parameters = average.size > 0 ? average : trained;
  const task = taskOf(info.preparation), { classes, aligned } = task;
  // Parameters are f32 whatever the training stored, and f32 runs on every device.
  const config = { ...info.config, storage: "f32" } as const;
  const { build, isPretraining } = method?.name === config.method ? method : methodNamed(config.method);
  if (isPretraining) {
    throw new ParameterFileError(
      "checkpoint.pretraining",
      "the checkpoint is of a pre-training, which segments nothing",
      {
        fix: "Train from it: train --init RUN --init-partial.",
      },
    );
  }
  const network = build({ device, random: new Random(0) }, task, config, config.settings);
  network.loadStateDict(parameters);
  return {
    info,
    segment: { device, network, patch: config.patch, classes, aligned },
    [Symbol.dispose]: () => network[Symbol.dispose](),
  };
}

/**
 * Segments the images of one case.
 *
 * @param images raw volumes by modality id; at least one of the network's modalities
 * @returns one segmentation for each given image
 * @throws {CodedError} `predict.modality` for an image of a modality that the network does not know; `predict.grids`
 * for images on different grids when the network was trained on images that share theirs, `geometry.apart` for images
 * that do not overlap although they should share a space; `data.nonfinite` for one
 * with NaN or infinite voxels; and what preparing images throws
 */
export function predict(
  { info, segment }: Predictor,
  images: ReadonlyMap<string, Volume<Float32Array>>,
  options: SegmentOptions = {},
): Promise<Segmentation[]> {
  const { modalities } = info.preparation;
  requirePredictable(info.preparation, images);
  const finite = new Map([...images].map(([id, image]) => [id, checkFinite(image, `image ${id}`)]));
  const prepared = prepareImages(finite, info.preparation);
  const slots = modalities.map(({ id }): PreparedImage | null =>
    prepared.find((image) => image.modality.id === id) ?? null
  );
  return segmentCase(segment, slots, options);
}

/**
 * Refuses images that a network cannot segment together.
 *
 * @param names what messages call the images, such as their files
 * @throws {CodedError} `predict.modality`, `predict.grids`, `geometry.apart`; see {@link predict}
 */
export function requirePredictable(
  { modalities, aligned, oneGrid }: Preparation,
  images: ReadonlyMap<string, Volume>,
  names: ReadonlyMap<string, string> = new Map(),
): void {
  const unknown = [...images.keys()].find((id) => !modalities.some((modality) => modality.id === id));
  if (unknown !== undefined || images.size === 0) {
    throw new CodedError(
      "predict.modality",
      unknown === undefined
        ? "no image is given"
        : `the network knows no modality ${JSON.stringify(unknown)}`,
      { fix: `Give images of ${modalities.map(({ id }) => id).join(", ")}.` },
    );
  }
  if (!aligned) return;
  const [[first, leading], ...others] = [...images] as [[string, Volume], ...[string, Volume][]];
  const name = (id: string) => names.has(id) ? `${names.get(id)} (${id})` : id;
  for (const [id, image] of others) {
    if (onGridOf(image, gridOf(leading)) !== undefined) continue;
    const places = `${describe(leading)}; ${describe(image)}`;
    if (overlapOf(gridOf(image), gridOf(leading)) === 0) {
      throw new CodedError(
        "geometry.apart",
        `the images ${name(first)} and ${name(id)} do not overlap (${places})`,
        {
          fix:
            "Check that they are of one person and session, and repair the affine of the one that is wrong.",
        },
      );
    }
    // The images of every training case did share a grid, so these are most likely of two people.
    if (!oneGrid) continue;
    throw new CodedError(
      "predict.grids",
      `the images ${name(first)} and ${name(id)} lie on different grids (${places}), ` +
        "but the network was trained on images that share one",
      {
        fix: "Check that they are of one person and session; if so, resample one onto the grid of the other.",
      },
    );
  }
}

function describe({ array, spacing, affine }: Volume): string {
  const short = (mm: number) => String(Number(mm.toPrecision(4)));
  return `${array.shape.join("×")} voxels of ${spacing.map(short).join("×")} mm from ` +
    `(${[3, 7, 11].map((at) => short(affine[at]!)).join(", ")})`;
}
