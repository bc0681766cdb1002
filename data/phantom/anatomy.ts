/**
 * What a phantom is made of: an anatomy that can be scanned.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";
import type { ModalityKind } from "../dataset.ts";
import type { Volume } from "../volume.ts";

/** A family of random bodies, and the scanners that look at them. */
export interface Anatomy {
  /** Name of the data set, and the first part of its case ids. */
  readonly name: string;
  /** The structures to segment; the first has label 1. */
  readonly classes: readonly string[];
  /** How the intensities of a modality are to be understood. */
  kindOf(modality: string): ModalityKind;
  /**
   * The image of a modality, as its scanner stores it.
   *
   * @param random the stream of the case
   * @param modality its place in the data set's list, and its id
   */
  image(random: Random, modality: { at: number; id: string }): Volume<Float32Array>;
  /** The labels on the grid of {@link image}. */
  labels(random: Random, modality: { at: number; id: string }): Volume<Uint8Array>;
}
