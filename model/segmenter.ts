/**
 * What everything that trains, judges or uses a network takes a network to be.
 *
 * @module
 */

import type { Module } from "../tensor/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What the data looks like to a network. */
export interface Task {
  /** Number of modalities. */
  readonly modalities: number;
  /** Number of classes, the background included. */
  readonly classes: number;
  /**
   * Whether the images of a case share a space, as they do when nothing is said. Where they do not, each is segmented by
   * itself, in training too: at one voxel they show different places, or different people.
   */
  readonly aligned?: boolean;
}

/** What a data set, or the preparation of its cases, looks like to a network. */
export function taskOf(
  { modalities, classes, aligned }: {
    readonly modalities: readonly unknown[];
    readonly classes: readonly unknown[];
    readonly aligned: boolean;
  },
): Required<Task> {
  return { modalities: modalities.length, classes: classes.length + 1, aligned };
}

/** A network, or several that act as one, that segments every image it is given. */
export type Segmenter = Module & {
  /** Images, one a modality, `[N,1,D,H,W]` or null, to logits `[N,K,D,H,W]` or null. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[];
  /** As `segment`, at every level that has a head, finest first, where the network can. */
  segmentDeep?(images: readonly (Tensor | null)[]): (readonly Tensor[] | null)[];
};
