/**
 * What a training method is: the networks and the losses of one step. Everything else is the trainer's.
 *
 * @module
 */

import type { Init } from "../../tensor/layers.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Segmenter, Task } from "../segmenter.ts";
import type { TrainConfig } from "./config.ts";

/** Patches of a step on the device. */
export interface StepBatch {
  /** Patches with labels. */
  readonly labelled: {
    /** One a modality, `[N,1,D,H,W]`. */
    readonly images: readonly Tensor[];
    /** One a modality, class ids, i32, `[N,D,H,W]`. */
    readonly labels: readonly Tensor[];
  };
  /** Patches without labels, when the method asked for them. */
  readonly unlabelled?: {
    /** Strongly changed intensities, one a modality, `[N,1,D,H,W]`. */
    readonly images: readonly Tensor[];
    /** The same patches, weakly changed, when the method asked for them. */
    readonly weakImages?: readonly Tensor[];
  };
}

/** One term of the loss. */
export interface LossTerm {
  /** The value, a scalar; logged without its weight. */
  readonly value: Tensor;
  /** Its factor in the sum that is minimised. */
  readonly weight: number;
}

/** Which views of unlabelled patches a step needs. */
export type UnlabelledViews = "none" | "strong" | "strong-and-weak";

/** A training method. */
export interface Method<N extends Segmenter = Segmenter> {
  /** Name on the command line and in tables. */
  readonly name: string;
  /** Where it comes from. */
  readonly cite: string;
  /** One line for people. */
  readonly summary: string;
  /** The fewest modalities it can work with; 1 when absent. */
  readonly leastModalities?: number;
  /** Makes the networks. */
  build(init: Init, task: Task, config: TrainConfig): N;
  /** What a step needs; `factor` is the ramp of the unlabelled losses, 0 in the supervised phase. */
  unlabelledViews(config: TrainConfig, factor: number): UnlabelledViews;
  /** The loss terms of a step by name. */
  losses(network: N, batch: StepBatch, config: TrainConfig, factor: number): Record<string, LossTerm>;
}
