/**
 * Segments a prepared case window by window.
 *
 * @module
 */

import type { PreparedImage } from "../../data/prepare.ts";
import { slidingWindow, type SlidingWindowOutput } from "../../eval/mod.ts";
import type { Device } from "../../tensor/device.ts";
import { sameShape, type Triple } from "../../tensor/shape.ts";
import type { Segmenter } from "../segmenter.ts";
import { patchPredictor } from "./patch_predictor.ts";

/** What segments, and how. */
export interface SegmentSetting {
  /** Where it runs. */
  readonly device: Device;
  /** The network. */
  readonly network: Segmenter;
  /** Window in voxels. */
  readonly patch: Triple;
  /** Classes, the background included. */
  readonly classes: number;
}

/** A segmentation of one modality of a case. */
export interface Segmentation {
  /** The image that was segmented. */
  readonly image: PreparedImage;
  /** Class ids on its grid, row-major. */
  readonly labels: Uint8Array;
  /** Probabilities `[K,D,H,W]` on its grid, when asked for. */
  readonly probabilities?: Float32Array;
}

/** What {@link segmentCase} can be told. */
export interface SegmentOptions {
  /** Also return the probability of each class. */
  readonly probabilities?: boolean;
  /** Called after each window with the share of the case that is done. */
  readonly progress?: (share: number) => void;
}

/**
 * Segments every image of a case that is present. Images on one grid are segmented together, so the modalities
 * inform each other; images on grids of their own are segmented one by one, as if alone.
 *
 * @param images one a modality of the network, null where there is none
 */
export async function segmentCase(
  { device, network, patch, classes }: SegmentSetting,
  images: readonly (PreparedImage | null)[],
  { probabilities = false, progress = () => {} }: SegmentOptions = {},
): Promise<Segmentation[]> {
  const present = images.filter((image) => image !== null);
  const together = present.every((image) => sameShape(image.shape, present[0]!.shape));
  const groups = together ? [present] : present.map((image) => [image]);
  const segmentations: Segmentation[] = [];
  for (const [g, group] of groups.entries()) {
    const predict = patchPredictor(
      device,
      network,
      patch,
      images.map((image) => image !== null && group.includes(image)),
    );
    const output: SlidingWindowOutput = await slidingWindow({
      images: group.map((image) => image.data),
      shape: group[0]!.shape,
      patch,
      classes,
      probabilities,
      onWindow: (done, total) => progress((g + done / total) / groups.length),
    }, predict);
    group.forEach((image, i) =>
      segmentations.push({
        image,
        labels: output.labels[i]!,
        ...(output.probabilities && { probabilities: output.probabilities[i]! }),
      })
    );
  }
  return segmentations;
}
