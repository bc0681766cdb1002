/**
 * What a training method is: its settings, its networks and the losses of one step. Everything else is the
 * trainer's, which knows methods only through this interface.
 *
 * @module
 */

import type { Init } from "../../tensor/layers.ts";
import type { Random } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { NetworkConfig } from "../network_config.ts";
import type { Segmenter, Task } from "../segmenter.ts";
import type { EngineOptions } from "./config.ts";
import type { SettingsSchema, SettingValues } from "./settings.ts";

/** Patches of a step on the device. */
export interface StepBatch {
  /** Patches with labels. */
  readonly labelled: {
    /** One a modality, `[N,1,D,H,W]`. */
    readonly images: readonly Tensor[];
    /** One a modality, class ids, i32, `[N,D,H,W]`. */
    readonly labels: readonly Tensor[];
  };
  /** Patches without labels, when the method asked for them and there are any. */
  readonly unlabelled?: {
    /** Strongly changed intensities, one a modality, `[N,1,D,H,W]`. */
    readonly images: readonly Tensor[];
    /** The same patches, weakly changed, when the method asked for them. */
    readonly weakImages?: readonly Tensor[];
    /** The same patches, strongly changed in another way, when the method asked for them. */
    readonly secondImages?: readonly Tensor[];
  };
}

/** Views of unlabelled patches. */
export type UnlabelledViews = "strong" | "strong-and-weak" | "two-strong-and-weak";

/** What a method wants to see in a step. */
export interface Wants {
  /** Views of unlabelled patches; without it none are loaded. The geometry of all views is the same. */
  readonly unlabelled?: UnlabelledViews;
  /** Batches of labelled patches, joined to one; 1 when absent. */
  readonly labelledBatches?: number;
}

/** One term of the loss. */
export interface LossTerm {
  /** The value, a scalar; logged without its weight. */
  readonly value: Tensor;
  /** Its factor in the sum that is minimised. */
  readonly weight: number;
}

/** Where the training is. */
export interface StepContext<V = SettingValues> {
  /** The method's settings. */
  readonly settings: V;
  /** This step, from 0. */
  readonly step: number;
  /** Share of the steps that are done. */
  readonly progress: number;
  /** Ramp of the unlabelled losses, 0 in the supervised phase, at last 1. */
  readonly factor: number;
  /** Random numbers of this step: the same in a resumed run. */
  readonly random: Random;
  /** Set where the labels of the batch are what networks said of unlabelled cases. */
  readonly isPseudoLabelled?: true;
}

/**
 * A training method. All state beyond what the step determines is in tensors of the networks, which checkpoints
 * hold; tensors that are not parameters, such as those of a teacher, count too.
 *
 * @example A method of one's own starts from another
 * ```ts
 * import { type Method, methodNamed } from "./mod.ts";
 *
 * const mine: Method = { ...methodNamed("supervised"), name: "mine", summary: "what I try today" };
 * ```
 */
export interface Method<S extends SettingsSchema = SettingsSchema, N extends Segmenter = Segmenter> {
  /** Name on the command line. */
  readonly name: string;
  /** Where it comes from. */
  readonly cite: string;
  /** One line for people. */
  readonly summary: string;
  /** Settings of its own, all of them; the command line has an option for each. */
  readonly settings: S;
  /** Settings of the trainer that are usual with it, where they are not everybody's. */
  readonly usual?: EngineOptions;
  /** The fewest modalities it can work with; 1 when absent. */
  readonly leastModalities?: number;
  /** The most modalities it can work with; any number when absent. */
  readonly mostModalities?: number;
  /** Whether its losses use what labels say of the coarser levels of a network with deep supervision; no when absent. */
  supervisesDeeply?(settings: SettingValues<S>): boolean;
  /** Whether it is given the labels of the unlabelled cases too: the upper bound that methods strive for. */
  readonly usesAllLabels?: true;
  /**
   * Whether its networks learn from images alone and segment nothing: labelled cases count as unlabelled ones, no label
   * file is opened, nothing is validated or tested, and the last parameters are kept.
   */
  readonly isPretraining?: true;
  /** Name in tables; {@link Method.name} when absent. */
  label?(settings: SettingValues<S>): string;
  /** Whether its losses compare modalities voxel by voxel, so that images must be paired and aligned. */
  comparesVoxels(settings: SettingValues<S>): boolean;
  /**
   * Makes the networks, which act as one; its `segment` is what the method predicts with: the student, the
   * teacher, or several together.
   */
  build(init: Init, task: Task, config: NetworkConfig, settings: SettingValues<S>): N;
  /** What a step needs; `factor` is the ramp of the unlabelled losses. */
  wants(settings: SettingValues<S>, factor: number): Wants;
  /** The loss terms of a step by name; the trainer minimises the sum of value times weight. */
  losses(network: N, batch: StepBatch, context: StepContext<SettingValues<S>>): Record<string, LossTerm>;
  /** Called after the optimiser's step: moves teachers, counts. Nothing is read back from the device. */
  afterStep?(network: N, context: StepContext<SettingValues<S>>): void;
}
