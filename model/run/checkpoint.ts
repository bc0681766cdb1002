/**
 * What a checkpoint holds: parameters, optimiser moments, the step, and all it takes to use them.
 *
 * Sampling and augmentation are functions of (seed, step), so the step is the whole of the random state.
 *
 * @module
 */

import { CodedError, ParameterFileError } from "../../tensor/errors.ts";
import type { StateDict } from "../../tensor/module.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafeTensor,
  type SafeTensors,
} from "../../tensor/safetensors.ts";
import { parsePreparation, type Preparation } from "../../data/prepare/preparation.ts";
import { z } from "../deps.ts";
import { resolveEngine } from "../train/config.ts";
import type { TrainConfig } from "../train/resolve.ts";

const formatVersion = 2;
const format = `cmc-checkpoint-${formatVersion}` as const;

/** What a method's settings are is for the method to know. */
const methodPart = z.object({
  method: z.string(),
  methodLabel: z.string(),
  settings: z.record(z.string(), z.union([z.number(), z.string()])),
});

const described = z.strictObject({
  format: z.literal(format),
  config: z.unknown(),
  preparation: z.unknown(),
  step: z.number().int().min(0),
  best: z.number().nullable(),
  split: z.string(),
  data: z.string(),
});

/** What a checkpoint says about itself. */
export interface CheckpointInfo {
  /** Configuration of the training. */
  readonly config: TrainConfig;
  /** How cases are prepared for the network, its modalities and classes included. */
  readonly preparation: Preparation;
  /** Optimiser steps done. */
  readonly step: number;
  /** Best validation score so far, null before the first validation. */
  readonly best: number | null;
  /** Hash of the split, so that a resumed run cannot mix training and test cases. */
  readonly split: string;
  /** SHA-256 of everything about the data that decides the result; see `identify`. */
  readonly data: string;
}

/** A decoded checkpoint. */
export interface Checkpoint {
  /** What it says about itself. */
  readonly info: CheckpointInfo;
  /** Tensors of the networks. */
  readonly network: StateDict;
  /** Their moving average, when the training keeps one; empty otherwise. It predicts instead of them. */
  readonly average: StateDict;
  /** State of the optimiser; empty in a checkpoint for inference. */
  readonly optimizer: StateDict;
}

/** Encodes a training's state as safetensors; without moments when it is only to be used. */
export function encodeCheckpoint(
  info: CheckpointInfo,
  network: StateDict,
  optimizer: StateDict = new Map(),
  average: StateDict = new Map(),
): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, tensor] of network) tensors.set(`network.${name}`, tensor);
  for (const [name, tensor] of average) tensors.set(`average.${name}`, tensor);
  for (const [name, tensor] of optimizer) tensors.set(`optimizer.${name}`, tensor);
  return encodeSafetensors(tensors, new Map([["checkpoint", JSON.stringify({ format, ...info })]]));
}

function part(tensors: ReadonlyMap<string, SafeTensor>, prefix: string): StateDict {
  return new Map(
    [...tensors].flatMap(([name, { shape, data }]) => {
      if (!name.startsWith(`${prefix}.`)) return [];
      if (data instanceof Uint8Array) {
        throw new ParameterFileError("parameters.dtype", `${name} is stored as bytes`);
      }
      return [[name.slice(prefix.length + 1), { shape, data }]];
    }),
  );
}

/** Refuses a checkpoint of another version: what it leaves out would be guessed. */
function requireVersion(found: unknown): void {
  const version = /^cmc-checkpoint-(\d+)$/.exec(String(found))?.[1];
  if (version === undefined || Number(version) === formatVersion) return;
  throw new ParameterFileError(
    "checkpoint.version",
    `the checkpoint is of version ${version}; this program reads version ${formatVersion}`,
    {
      fix: Number(version) < formatVersion
        ? "Versions below 2 do not say how their images were prepared: train again, or use the release that wrote it."
        : "A newer release wrote it: use that one.",
    },
  );
}

function storedConfig({ method, methodLabel, settings, ...engine }: TrainConfig): TrainConfig {
  return { ...methodPart.parse({ method, methodLabel, settings }), ...resolveEngine(engine) };
}

const whatOneIs = "A checkpoint is a .safetensors file from the checkpoints folder of a run, such as " +
  "runs/NAME/checkpoints/best.safetensors.";

/** Reads the container, and says in other words than its own when the file is no such thing. */
function decodeContainer(bytes: Uint8Array): SafeTensors {
  try {
    return decodeSafetensors(bytes);
  } catch (cause) {
    const { code, message } = cause as ParameterFileError;
    if (code !== "safetensors.header" && code !== "safetensors.short") throw cause;
    throw new ParameterFileError("checkpoint.format", `the file is no checkpoint: ${message}`, {
      cause,
      fix: `${whatOneIs} If this is one, it is damaged: use another copy.`,
    });
  }
}

/**
 * Decodes a checkpoint.
 *
 * @throws {ParameterFileError} `safetensors.*` for a damaged file, `checkpoint.format` for another kind of file,
 * `checkpoint.version` for one that another version of this program wrote
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeContainer(bytes);
  const text = metadata.get("checkpoint");
  if (text === undefined) {
    throw new ParameterFileError(
      "checkpoint.format",
      "the file holds parameters but is no checkpoint of this program",
      { fix: whatOneIs },
    );
  }
  let info: z.output<typeof described>, preparation: Preparation, config: TrainConfig;
  try {
    const description = JSON.parse(text);
    requireVersion(description?.format);
    info = described.parse(description);
    preparation = parsePreparation(info.preparation);
    config = storedConfig(info.config as TrainConfig);
  } catch (cause) {
    if (cause instanceof ParameterFileError) throw cause;
    throw new ParameterFileError("checkpoint.format", "the checkpoint's description cannot be read", {
      cause,
      fix: "The file was changed, or another program wrote it; train again.",
    });
  }
  const { format: _, ...rest } = info;
  return {
    info: { ...rest, preparation, config },
    network: part(tensors, "network"),
    average: part(tensors, "average"),
    optimizer: part(tensors, "optimizer"),
  };
}

/** What may change when a training goes on. */
const mayChange = ["steps"];

/** A setting as a person reads it in a message. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Everything in a checkpoint's description that decides the result of a training, by name. */
function decisive(info: CheckpointInfo): Map<string, unknown> {
  const { config, preparation, step: _step, best: _best, ...rest } = info;
  return new Map(
    Object.entries({ ...config, ...preparation, ...rest }).filter(([name]) => !mayChange.includes(name)),
  );
}

/**
 * Refuses to continue a training with other settings, other cases or other files.
 *
 * @param changedData what differs about the data, where that is known
 * @param once folder of a run that was to be made once under its name, and not to be resumed
 * @throws {CodedError} `resume.mismatch` naming what differs, `resume.steps` when the run is already longer
 */
export function requireSameTraining(
  saved: CheckpointInfo,
  now: CheckpointInfo,
  { changedData, once }: { readonly changedData?: string | undefined; readonly once?: string | undefined } =
    {},
): void {
  const [before, after] = [decisive(saved), decisive(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const different = names.filter((name) =>
    JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name))
  );
  if (different.length > 0) {
    const details = different.map((name) =>
      name === "data" || name === "split"
        ? name === "data" && changedData !== undefined ? `data (${changedData} changed)` : name
        : `${name} (${shown(before.get(name))} in the run, ${shown(after.get(name))} now)`
    );
    throw new CodedError(
      "resume.mismatch",
      once === undefined
        ? `the run to resume differs in ${details.join(", ")}`
        : `${once} is another training: it differs in ${details.join(", ")}`,
      {
        fix: once === undefined
          ? "Resume with the settings, the data and the split it was started with; only steps may change."
          : "Give another name or another folder: --name, --out.",
      },
    );
  }
  if (now.config.steps >= saved.step) return;
  throw new CodedError(
    "resume.steps",
    `the run to resume has done ${saved.step} steps already, more than ${now.config.steps}`,
    { fix: "Give as many steps or more." },
  );
}
