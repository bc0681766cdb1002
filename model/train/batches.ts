/**
 * The batches of each step, as the method wants them: functions of the step alone, so that a resumed run sees what
 * an uninterrupted one would have seen.
 *
 * @module
 */

import type { BatchSource } from "../../data/ahead_loader.ts";
import type { LabelledBatch, UnlabelledBatch } from "../../data/batch.ts";
import type { Method } from "./method.ts";
import type { TrainConfig } from "./resolve.ts";
import type { Phases } from "./schedule.ts";

/** Batches of one forward and backward pass. */
export interface LoadedBatch {
  /** With labels. */
  readonly labelled: LabelledBatch;
  /** Without, when the method wants them and there are any. */
  readonly unlabelled: UnlabelledBatch | undefined;
  /** With pseudo-labels, when there are any. */
  readonly pseudoLabelled?: LabelledBatch;
}

function joined<T extends Float32Array | Uint8Array>(parts: readonly (readonly T[])[]): T[] {
  return parts[0]!.map((first, m) => {
    const total = parts.reduce((sum, part) => sum + part[m]!.length, 0);
    const out = new (first.constructor as new (length: number) => T)(total);
    parts.reduce((at, part) => (out.set(part[m]!, at), at + part[m]!.length), 0);
    return out;
  });
}

/** Several labelled batches as one. */
export function joinBatches(batches: readonly LabelledBatch[]): LabelledBatch {
  if (batches.length === 1) return batches[0]!;
  return {
    cases: batches.flatMap(({ cases }) => cases),
    images: joined(batches.map(({ images }) => images)),
    labels: joined(batches.map(({ labels }) => labels)),
    shape: batches[0]!.shape,
  };
}

/** Micro-batches of images alone. */
async function loadImages(loader: BatchSource, accumulate: number, step: number): Promise<LoadedBatch[]> {
  const loaded: LoadedBatch[] = [];
  for (let micro = 0; micro < accumulate; micro++) {
    const unlabelled = await loader.unlabelledBatch(step * accumulate + micro);
    loaded.push({ labelled: { cases: [], images: [], labels: [], shape: unlabelled.shape }, unlabelled });
  }
  return loaded;
}

/** What the batches of a training depend on. */
export interface LoadSetting {
  /** Labelled and unlabelled cases. */
  readonly loader: BatchSource;
  /** Cases with pseudo-labels, if there are any. */
  readonly pseudoLoader?: BatchSource | undefined;
  /** Says what it wants to see. */
  readonly method: Method;
  /** Settings. */
  readonly config: TrainConfig;
  /** The two phases. */
  readonly phases: Phases;
}

/**
 * Loads the micro-batches of a step.
 *
 * @param factor ramp of the unlabelled losses at this step
 */
export async function loadStep(
  { loader, pseudoLoader, method, config: { settings, accumulate }, phases: { semiSupervisedFrom } }:
    LoadSetting,
  step: number,
  factor: number,
): Promise<LoadedBatch[]> {
  if (method.isPretraining) return await loadImages(loader, accumulate, step);
  const count = (of: number) => method.wants(settings, of).labelledBatches ?? 1;
  const now = method.wants(settings, factor), each = count(factor);
  // Batches are taken without gaps: first those of the supervised phase, which may be fewer a step.
  const supervised = Math.min(step, semiSupervisedFrom) * count(0);
  const before = supervised + Math.max(0, step - semiSupervisedFrom) * count(1);
  const loaded: LoadedBatch[] = [];
  for (let micro = 0; micro < accumulate; micro++) {
    const parts: LabelledBatch[] = [];
    for (let part = 0; part < each; part++) {
      parts.push(await loader.labelledBatch(before * accumulate + micro * each + part));
    }
    const wanted = now.unlabelled !== undefined && loader.hasUnlabelled;
    const unlabelled = wanted ? await loader.unlabelledBatch(step * accumulate + micro) : undefined;
    const pseudoLabelled = await pseudoLoader?.labelledBatch(step * accumulate + micro);
    loaded.push({ labelled: joinBatches(parts), unlabelled, ...(pseudoLabelled && { pseudoLabelled }) });
  }
  return loaded;
}
