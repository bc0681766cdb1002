/**
 * Segments a prepared case window by window.
 *
 * @module
 */

import { keepsVoxels } from "../../data/prepare/restore.ts";
import type { PreparedImage } from "../../data/prepare/prepare.ts";
import { slidingWindow, type SlidingWindowOutput } from "../../eval/sliding_window.ts";
import type { Device } from "../../tensor/device.ts";
import type { Triple } from "../../tensor/shape.ts";
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
  /** Whether the images of a case share one space, and are prepared on one grid. */
  readonly aligned: boolean;
}

/** A segmentation of one modality of a case. */
export interface Segmentation {
  /** The image that was segmented. */
  readonly image: PreparedImage;
  /** Class ids on its grid, row-major. */
  readonly labels: Uint8Array;
  /** Probabilities `[K,D,H,W]` on its grid, when asked for or needed. */
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
 * Segments every image of a case that is present. Images that share one space are segmented together, so the
 * modalities inform each other; others are segmented one by one, as if alone. Windows that stick out of an image are
 * filled with its background, as patches are in training.
 *
 * The probability of each class is also returned where the image was resampled: only with them can a segmentation be
 * brought back well.
 *
 * @param images one a modality of the network, null where there is none
 */
export async function segmentCase(
  { device, network, patch, classes, aligned }: SegmentSetting,
  images: readonly (PreparedImage | null)[],
  { probabilities = false, progress = () => {} }: SegmentOptions = {},
): Promise<Segmentation[]> {
  const present = images.filter((image) => image !== null);
  const groups = aligned ? [present] : present.map((image) => [image]);
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
      padding: group.map((image) => image.background),
      shape: group[0]!.shape,
      patch,
      classes,
      probabilities: probabilities || !group.every(keepsVoxels),
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
