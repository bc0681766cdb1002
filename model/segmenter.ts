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
}

/** A network, or several that act as one, that segments every image it is given. */
export type Segmenter = Module & {
  /** Images, one a modality, `[N,1,D,H,W]` or null, to logits `[N,K,D,H,W]` or null. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[];
};
