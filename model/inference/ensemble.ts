/**
 * Several trained networks that segment as one.
 *
 * @module
 */

import { hashPreparation, type Preparation } from "../../data/prepare/preparation.ts";
import type { Device } from "../../tensor/device.ts";
import { CodedError } from "../../tensor/errors.ts";
import { aboutFile } from "../run/about_file.ts";
import { patchPredictor } from "./patch_predictor.ts";
import type { Method } from "../train/method.ts";
import { openPredictor, type Predictor } from "./predict.ts";

/** Networks that see the same arrays: their probabilities are averaged window by window. */
export interface EnsembleGroup {
  /** How images are prepared for them. */
  readonly preparation: Preparation;
  /** The networks; their windows have one size. */
  readonly members: readonly Predictor[];
  /** Their share in the average over all networks. */
  readonly share: number;
}

/** Networks of the same modalities and classes. */
export interface Ensemble extends Disposable {
  /** What the first one says about modalities and classes; the others say the same. */
  readonly preparation: Preparation;
  /** All networks, by what they are given. */
  readonly groups: readonly EnsembleGroup[];
  /** Axes of a window (0 for D) along which all networks were trained mirrored; mirrored views may be averaged. */
  readonly mirrorAxes: readonly number[];
}

/** What networks must have in common to be averaged. */
const common = (preparation: Preparation) => {
  const { orientation, aligned, classes, modalities } = preparation;
  return {
    modalities: modalities.map(({ id }) => id),
    classes: classes.map(({ id, name }) => `${id} ${name}`),
    orientation: Object.values(orientation),
    aligned: [aligned],
  };
};

/**
 * Loads one or more checkpoints. They may differ in everything but modalities, classes and orientation: networks of a
 * cross-validation have a voxel size of their own.
 *
 * @param checkpoints contents of checkpoints, by a name for messages
 * @param method of the networks that were trained with a method which is not in the table
 * @throws {CodedError} `predict.ensemble` for networks that cannot be averaged; and what opening a checkpoint throws
 */
export function openEnsemble(
  checkpoints: ReadonlyMap<string, Uint8Array>,
  device: Device,
  method?: Method,
): Ensemble {
  const members: [string, Predictor][] = [];
  const close = () => members.forEach(([, member]) => member[Symbol.dispose]());
  try {
    for (const [name, bytes] of checkpoints) {
      members.push([name, aboutFile(name, () => openPredictor(bytes, device, method))]);
    }
    const [[firstName, first], ...others] = members as [[string, Predictor], ...[string, Predictor][]];
    for (const [name, { info }] of others) {
      requireAlike(firstName, first.info.preparation, name, info.preparation);
    }
    const grouped = new Map<string, Predictor[]>();
    for (const [, member] of members) {
      const key = `${hashPreparation(member.info.preparation)} ${member.segment.patch}`;
      grouped.set(key, [...grouped.get(key) ?? [], member]);
    }
    const mirrored = members.every(([, { info }]) => info.config.augmentation === "strong");
    return {
      preparation: first.info.preparation,
      groups: [...grouped.values()].map((group) => ({
        preparation: group[0]!.info.preparation,
        members: group,
        share: group.length / members.length,
      })),
      mirrorAxes: mirrored ? [0, 1, 2] : [],
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Runs every network once on nothing, so that memory and kernels are there before a case is. */
export async function warmUp({ groups }: Ensemble): Promise<void> {
  for (const { members, preparation: { modalities, aligned } } of groups) {
    const present = modalities.map((_, at) => aligned || at === 0);
    for (const { segment: { device, network, patch } } of members) {
      const patches = present.filter(Boolean).map(() => new Float32Array(patch[0] * patch[1] * patch[2]));
      await patchPredictor(device, network, patch, present)(patches, 1);
    }
  }
}

function requireAlike(firstName: string, first: Preparation, name: string, other: Preparation): void {
  const [wanted, found] = [common(first), common(other)];
  for (const what of Object.keys(wanted) as (keyof typeof wanted)[]) {
    if (JSON.stringify(wanted[what]) === JSON.stringify(found[what])) continue;
    throw new CodedError(
      "predict.ensemble",
      `${firstName} and ${name} cannot be averaged: ${what} of the one: ${wanted[what].join(", ")}; ` +
        `of the other: ${found[what].join(", ")}`,
      { fix: "Give checkpoints that were trained on the same data set." },
    );
  }
}
