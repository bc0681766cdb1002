/**
 * Everything that decides a training besides the data and the device.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import type { Triple } from "../../tensor/shape.ts";
import { z } from "../deps.ts";
import { type PresetName, presetNamed, presetNames } from "../presets.ts";
import { checkLevels, strideOf, type UnetLevel } from "../unet_shape.ts";
import { methodNames } from "./methods/table.ts";

const positive = z.number().int().positive();
const triple = z.tuple([positive, positive, positive]);
const weight = z.number().min(0);

const schema = z.strictObject({
  method: z.enum(methodNames as [string, ...string[]]).default("cmc"),
  profile: z.enum(["cmc", "cmc-confident"]).default("cmc"),
  preset: z.enum(presetNames as [PresetName, ...PresetName[]]).default("unet-tiny"),
  levels: z.array(z.strictObject({ kernel: triple, stride: triple })).optional(),
  patch: triple.optional(),
  steps: positive.default(400),
  batch: positive.default(2),
  storage: z.enum(["f32", "f16"]).default("f32"),
  augmentation: z.enum(["none", "default", "strong"]).default("default"),
  seed: z.number().int().min(0).default(0),
  learningRate: z.number().positive().default(3e-3),
  weightDecay: weight.default(1e-2),
  clipNorm: z.number().positive().default(1),
  semiSupervisedFrom: z.number().min(0).max(1).default(0.4),
  weights: z.strictObject({ csc: weight.default(0.1), cac: weight.default(1) }).prefault({}),
  validations: positive.default(8),
});

/** Names of all settings. */
export const settingNames: readonly string[] = Object.keys(schema.shape);

/** A complete configuration; `config.json` of a run folder. */
export interface TrainConfig {
  /** Name of the method, one of `methodNames`. */
  readonly method: string;
  /** `cmc`: the method as described; `cmc-confident`: both modalities follow their more confident mixture. */
  readonly profile: "cmc" | "cmc-confident";
  /** Size of the network. */
  readonly preset: PresetName;
  /** Kernel and stride of each level of the network, from the finest. */
  readonly levels: readonly UnetLevel[];
  /** Voxels of a training patch along D, H, W. */
  readonly patch: [number, number, number];
  /** Optimiser steps. */
  readonly steps: number;
  /** Labelled patches a step, and as many unlabelled ones. */
  readonly batch: number;
  /**
   * How the network stores activations: `f16` takes half the memory, on devices that have it. Arithmetic,
   * parameters and gradients are f32 either way.
   */
  readonly storage: "f32" | "f16";
  /**
   * How much patches are changed at random. `strong` mirrors and turns by quarters: for anatomy without sides
   * and voxels as long as wide.
   */
  readonly augmentation: "none" | "default" | "strong";
  /** Decides initial values, batches and augmentation. */
  readonly seed: number;
  /** Highest learning rate of the schedule. */
  readonly learningRate: number;
  /** Decoupled weight decay; norms and biases have none. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients. */
  readonly clipNorm: number;
  /** Share of the steps that see labelled patches only. */
  readonly semiSupervisedFrom: number;
  /** Weights of channel-wise semantic (CSC) and anatomical (CAC) consistency; 0 turns a term off. */
  readonly weights: { readonly csc: number; readonly cac: number };
  /** How many times to validate, evenly over the steps. */
  readonly validations: number;
}

/** A configuration as a person writes it; what is left out has a default, `levels` and `patch` those of the preset. */
export type TrainOptions = Partial<Omit<TrainConfig, "weights">> & {
  readonly weights?: Partial<TrainConfig["weights"]>;
};

/** Edit distance that counts a swap of neighbours as one, for "did you mean". */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}

/** The known name nearest to a mistyped one, if any is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known.map((candidate) => [distance(name, candidate), candidate] as const).sort(([a], [b]) =>
    a - b
  );
  return best && best[0] <= Math.max(2, name.length / 3) ? best[1] : undefined;
}

function explain(error: z.ZodError): CodedError {
  const [issue] = error.issues;
  const path = issue!.path.join(".") || "the configuration";
  if (issue!.code === "unrecognized_keys") {
    const [key] = issue!.keys;
    const guess = nearest(
      key!,
      Object.keys(issue!.path[0] === "weights" ? { csc: 0, cac: 0 } : schema.shape),
    );
    return new CodedError("config.key", `${path} has no setting ${JSON.stringify(key)}`, {
      fix: guess
        ? `Did you mean ${JSON.stringify(guess)}?`
        : `Known settings: ${Object.keys(schema.shape).join(", ")}.`,
    });
  }
  return new CodedError("config.value", `${path}: ${issue!.message}`, { fix: "Correct the value." });
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {CodedError} `config.key` for an unknown setting, `config.value` for a bad value, `model.levels` for
 * kernels or strides a network cannot have, `config.patch` for a patch it cannot take
 */
export function resolveConfig(options: TrainOptions): TrainConfig {
  const result = schema.safeParse(options);
  if (!result.success) throw explain(result.error);
  const { levels: chosenLevels, patch: chosenPatch, ...rest } = result.data;
  const preset = presetNamed(rest.preset);
  const { levels } = preset.unet(chosenLevels);
  const patch = chosenPatch ?? [...preset.patch] as [number, number, number];
  checkLevels(levels);
  checkPatch(patch, strideOf({ levels }), rest.preset);
  return { ...rest, levels, patch }; // in one order, chosen or not: a resumed run writes the same bytes
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
