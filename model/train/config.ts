/**
 * The settings of a training that belong to no method: everything else that decides it, besides data and device.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import type { Triple } from "../../tensor/shape.ts";
import { z } from "../deps.ts";
import type { NetworkConfig } from "../network_config.ts";
import { type PresetName, presetNamed, presetNames } from "../presets.ts";
import { checkLevels, strideOf } from "../unet_shape.ts";
import type { VitShape } from "../vit.ts";
import { didYouMean, nearest } from "./nearest.ts";

const positive = z.number().int().positive();
const triple = z.tuple([positive, positive, positive]);
const share = z.number().min(0).max(1);

const schema = z.strictObject({
  preset: z.enum(presetNames as [PresetName, ...PresetName[]]).default("unet-tiny"),
  levels: z.array(z.strictObject({ kernel: triple, stride: triple })).optional(),
  patch: triple.optional(),
  steps: positive.default(400),
  batch: positive.default(2),
  accumulate: positive.default(1),
  storage: z.enum(["f32", "f16"]).default("f32"),
  positions: z.enum(["axis", "sam-med3d"]).default("axis"),
  trunk: z.enum(["trained", "frozen"]).default("trained"),
  adapterRank: z.number().int().min(0).optional(),
  loraRank: z.number().int().min(0).default(0),
  deepSupervision: z.enum(["off", "on"]).default("off"),
  augmentation: z.enum(["none", "default", "strong"]).default("default"),
  seed: z.number().int().min(0).default(0),
  optimizer: z.enum(["adamw", "sgd"]).default("adamw"),
  learningRate: z.number().positive().optional(),
  weightDecay: z.number().min(0).optional(),
  momentum: z.number().min(0).lt(1).default(0.9),
  schedule: z.enum(["cosine", "whole-cosine", "poly"]).default("cosine"),
  warmUp: share.default(0.05),
  clipNorm: z.number().positive().default(1),
  semiSupervisedFrom: share.default(0.4),
  averageDecay: z.number().min(0).lt(1).default(0),
  pseudoLabelWeight: z.number().min(0).default(0.5),
  validations: positive.default(8),
  keep: z.enum(["best", "last", "both"]).default("best"),
  patience: z.number().int().min(0).default(0),
  overfit: z.number().int().min(0).default(0),
  unpaired: z.enum(["refuse", "force"]).default("refuse"),
});

/** Where the optimisers differ when nothing is said. */
const ofOptimizer = {
  adamw: { learningRate: 3e-3, weightDecay: 1e-2 },
  sgd: { learningRate: 1e-2, weightDecay: 1e-4 },
} as const;

/** Names of the settings that belong to no method. */
export const engineNames: readonly string[] = Object.keys(schema.shape);

/** Everything that decides a training and belongs to no method, complete. */
export interface EngineConfig extends NetworkConfig {
  /** Voxels of a training patch along D, H, W. */
  readonly patch: [number, number, number];
  /** Optimiser steps. */
  readonly steps: number;
  /** Labelled patches in a batch, and as many unlabelled ones. */
  readonly batch: number;
  /** Batches whose gradients are averaged before each step of the optimiser. */
  readonly accumulate: number;
  /**
   * How much patches are changed at random. `strong` mirrors and turns by quarters: for anatomy without sides
   * and voxels as long as wide.
   */
  readonly augmentation: "none" | "default" | "strong";
  /** Decides initial values, batches and augmentation. */
  readonly seed: number;
  /** AdamW, or stochastic gradient descent with momentum. */
  readonly optimizer: "adamw" | "sgd";
  /** Highest learning rate of the schedule; 3e-3 for `adamw` and 1e-2 for `sgd` when nothing is said. */
  readonly learningRate: number;
  /** Weight decay, which norms and biases do not have; 1e-2, decoupled, for `adamw`, and 1e-4 for `sgd`. */
  readonly weightDecay: number;
  /** What stays of the velocity from step to step, for `sgd`. */
  readonly momentum: number;
  /** How the learning rate falls: see {@link learningRateFactor}. */
  readonly schedule: "cosine" | "whole-cosine" | "poly";
  /** Share of the steps over which the learning rate rises. */
  readonly warmUp: number;
  /** Largest global norm of the gradients. */
  readonly clipNorm: number;
  /** Share of the steps that see labelled patches only. */
  readonly semiSupervisedFrom: number;
  /** Decay of a moving average of all parameters, which then predicts instead of these; 0 for none. */
  readonly averageDecay: number;
  /** Weight of what cases with pseudo-labels teach, beside 1 of labelled ones; without such cases it means nothing. */
  readonly pseudoLabelWeight: number;
  /** How many times to validate, evenly over the steps. */
  readonly validations: number;
  /** Which parameters are judged at the end: those that validated best, the last, or the best and beside them the last. */
  readonly keep: "best" | "last" | "both";
  /** Ends the training after so many validations without a better one; 0 never. */
  readonly patience: number;
  /**
   * Trains on this many labelled cases and validates on the same, without augmentation or test: whether network
   * and data can be learned at all. 0 for a real training.
   */
  readonly overfit: number;
  /**
   * What becomes of losses that compare modalities voxel by voxel where no voxel of one corresponds to one of the
   * other: the training is refused, or goes on all the same.
   */
  readonly unpaired: "refuse" | "force";
}

/** As a person writes it; what is left out has a default, `levels` and `patch` those of the preset. */
export type EngineOptions = Partial<EngineConfig>;

/**
 * The error for what does not fit the schema.
 *
 * @param options what was given
 * @param others names of further settings that may have been meant
 */
function explain(error: z.ZodError, options: EngineOptions, others: readonly string[]): CodedError {
  const [issue] = error.issues;
  const path = issue!.path.join(".") || "the configuration";
  if (issue!.code === "unrecognized_keys") {
    const [key] = issue!.keys;
    const known = [...engineNames, ...others];
    const guess = nearest(key!, known);
    return new CodedError("config.key", `${path} has no setting ${JSON.stringify(key)}`, {
      fix: guess ? `Did you mean ${JSON.stringify(guess)}?` : `Known settings: ${known.join(", ")}.`,
    });
  }
  if (issue!.code === "invalid_value" && path in options) {
    const words = issue!.values.map(String), value = options[path as keyof EngineOptions];
    return new CodedError(
      "config.value",
      `${path} is ${JSON.stringify(value)}; expected ${words.join(", ")}`,
      {
        fix: didYouMean(value, words),
      },
    );
  }
  return new CodedError("config.value", `${path}: ${issue!.message}`, { fix: "Correct the value." });
}

/** The settings that belong to no method, each checked by itself. */
function parseEngine(options: EngineOptions, others: readonly string[]): z.output<typeof schema> {
  const result = schema.safeParse(options);
  if (!result.success) throw explain(result.error, options, others);
  return result.data;
}

/**
 * Checks levels and patch each by itself, as far as they are given: a plan starts from them and fills in what is
 * missing, and only then can they be held against each other.
 *
 * @throws {CodedError} `config.value` for what are no three sizes, `model.levels` for kernels or strides a network
 * cannot have
 */
export function checkShape({ levels, patch }: Pick<EngineOptions, "levels" | "patch">): void {
  const shape = parseEngine({
    ...(levels !== undefined && { levels }),
    ...(patch !== undefined && { patch }),
  }, []);
  if (shape.levels !== undefined) checkLevels(shape.levels);
}

/**
 * Checks the settings that belong to no method and fills in defaults.
 *
 * @param others names of further settings, for hints
 * @throws {CodedError} `config.key` for an unknown setting, `config.value` for a bad value, `model.levels` for
 * kernels or strides a network cannot have, `config.patch` for a patch it cannot take
 */
export function resolveEngine(options: EngineOptions, others: readonly string[] = []): EngineConfig {
  const { levels: chosenLevels, patch: chosenPatch, learningRate, weightDecay, adapterRank, ...rest } =
    parseEngine(options, others);
  const preset = presetNamed(rest.preset);
  const { levels, vit } = preset.unet(chosenLevels);
  const patch = chosenPatch ?? [...preset.patch] as [number, number, number];
  checkLevels(levels);
  checkPatch(patch, strideOf({ levels }), rest.preset);
  const usual = ofOptimizer[rest.optimizer];
  const complete = { // in one order, chosen or not: a resumed run writes the same bytes
    ...rest,
    learningRate: learningRate ?? usual.learningRate,
    weightDecay: weightDecay ?? usual.weightDecay,
    adapterRank: adapterRank ?? usualRank(rest, vit),
    levels,
    patch,
  };
  checkTuning(complete, vit);
  if (rest.positions === "sam-med3d" && new Set(patch).size > 1) {
    throw new CodedError(
      "config.patch",
      `positions in the form sam-med3d need a cube, got ${patch.join(",")}`,
      {
        fix: `Use ${Math.max(...patch)} along each axis, or positions axis.`,
      },
    );
  }
  return complete;
}

/** Adapters are for a frozen trunk: a quarter of its channels wide. */
function usualRank({ trunk, loraRank }: Pick<NetworkConfig, "trunk" | "loraRank">, vit?: VitShape): number {
  return vit && trunk === "frozen" && loraRank === 0 ? vit.channels / 4 : 0;
}

/** Refuses what only Vision Transformers have for other networks. */
function checkTuning(network: NetworkConfig, vit: VitShape | undefined): void {
  const { trunk, adapterRank, loraRank, positions, preset } = network;
  if (vit || (trunk === "trained" && adapterRank === 0 && loraRank === 0 && positions === "axis")) return;
  throw new CodedError(
    "config.value",
    `trunk, adapterRank, loraRank and positions are of Vision Transformers, but ${preset} is none`,
    { fix: "Leave them out, or choose vit-tiny, vit-small or vit-base." },
  );
}

/** A pooled axis keeps at least two voxels at the bottleneck; an axis that is never pooled may have any size. */
function checkPatch(patch: readonly number[], stride: Triple, preset: PresetName): void {
  const least = stride.map((s) => s === 1 ? 1 : 2 * s);
  if (patch.every((n, axis) => n % stride[axis]! === 0 && n >= least[axis]!)) return;
  const next = patch.map((n, axis) => Math.max(least[axis]!, Math.ceil(n / stride[axis]!) * stride[axis]!));
  throw new CodedError(
    "config.patch",
    `a patch of ${patch.join(",")} voxels does not fit ${preset}: the sizes must be multiples of ${
      stride.join(",")
    }, at least ${least.join(",")}`,
    { fix: `The next valid patch is ${next.join(",")}.` },
  );
}
