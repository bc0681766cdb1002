/**
 * The two streams of batches that semi-supervised training reads.
 *
 * A batch is a pure function of data set, split, options and step: there is no state to save, and a resumed run
 * sees what an uninterrupted one would have seen.
 *
 * @module
 */

import { Random } from "../tensor/random.ts";
import type { Triple } from "./affine.ts";
import { type Augmentation, defaultAugmentation } from "./augmentation.ts";
import type { LabelledBatch, UnlabelledBatch } from "./batch.ts";
import { BoundedCache } from "./cache.ts";
import { type Case, type Dataset, labelledCase, withoutLabels } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { cutLabelledPatch, cutUnlabelledPatch, type FurtherViews } from "./patch.ts";
import type { Preparation } from "./prepare/preparation.ts";
import {
  prepareCase,
  type PreparedCase,
  type PreparedLabelledCase,
  prepareLabelledCase,
} from "./prepare/prepare.ts";
import { checkSplit, type Split } from "./split.ts";

/** What the batches look like. */
export interface BatchOptions {
  /** How cases are prepared. */
  readonly preparation: Preparation;
  /** Voxels of a patch, `[D,H,W]`; where a volume is smaller it is padded with background. */
  readonly patch: Triple;
  /** Patches in a labelled batch. */
  readonly labelled: number;
  /** Patches in an unlabelled batch. */
  readonly unlabelled: number;
  /** Decides the order of cases, the crops and the augmentation. */
  readonly seed: number;
  /** Random changes; {@link defaultAugmentation} when absent. */
  readonly augmentation?: Augmentation;
  /** Which views unlabelled batches carry beside the strong one; none when absent. */
  readonly views?: FurtherViews;
  /** Bytes of prepared cases to keep in memory; 1 GiB when absent. */
  readonly cacheBytes?: number;
}

/**
 * Makes batches for a split of a data set.
 *
 * @example Two labelled patches of step 0
 * ```ts
 * import { BatchLoader } from "./loader.ts";
 * import { makePhantom } from "./phantom.ts";
 * import { choosePreparation } from "./prepare/choose.ts";
 * import { splitByLabelRatio } from "./split.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
 * const split = splitByLabelRatio(dataset, { ratio: 0.5, seed: 1, validation: 1, test: 1 });
 * const { preparation } = await choosePreparation(dataset);
 * const loader = new BatchLoader(dataset, split, {
 *   preparation,
 *   patch: [16, 16, 16],
 *   labelled: 2,
 *   unlabelled: 2,
 *   seed: 1,
 * });
 * const { images, labels } = await loader.labelledBatch(0);
 * assert.deepEqual([images.length, images[0]!.length, labels[1]!.length], [2, 2 * 16 ** 3, 2 * 16 ** 3]);
 * ```
 */
export class BatchLoader {
  readonly #dataset: Dataset;
  readonly #cases: ReadonlyMap<string, Case>;
  readonly #split: Split;
  readonly #options: BatchOptions;
  readonly #augmentation: Augmentation;
  readonly #labelled: BoundedCache<PreparedLabelledCase>;
  readonly #unlabelled: BoundedCache<PreparedCase>;

  /**
   * Checks split and options; loads nothing yet.
   *
   * @throws {DataError} `split.*` as `checkSplit`, `config.batch` for sizes that are no positive integers
   */
  constructor(dataset: Dataset, split: Split, options: BatchOptions) {
    checkSplit(dataset, split);
    const { patch, labelled, unlabelled } = options;
    if (![...patch, labelled, unlabelled].every((size) => Number.isInteger(size) && size >= 1)) {
      throw new DataError(
        "config.batch",
        `batches of ${labelled} labelled and ${unlabelled} unlabelled patches of ${patch.join("×")} voxels`,
        { fix: "All of these must be whole numbers from 1." },
      );
    }
    this.#dataset = dataset;
    this.#cases = new Map(dataset.cases.map((of) => [of.id, of]));
    this.#split = split;
    this.#options = options;
    this.#augmentation = options.augmentation ?? defaultAugmentation;
    const half = (options.cacheBytes ?? 2 ** 30) / 2;
    this.#labelled = new BoundedCache<PreparedLabelledCase>(half, bytesOf);
    this.#unlabelled = new BoundedCache<PreparedCase>(half, bytesOf);
  }

  /** Nothing to release; here so that `using` works with either kind of loader. */
  [Symbol.dispose](): void {}

  /** Whether there are unlabelled cases at all; without them the semi-supervised terms are off. */
  get hasUnlabelled(): boolean {
    return this.#split.unlabelled.length > 0;
  }

  /**
   * The labelled batch of a step (from 0).
   *
   * @throws {DataError} what loading throws, `split.empty` without labelled cases
   */
  async labelledBatch(step: number): Promise<LabelledBatch> {
    const { patch, labelled, seed } = this.#options;
    const random = new Random(seed).child("labelled");
    const parts = await Promise.all(
      Array.from({ length: labelled }, async (_, slot) => {
        const stream = random.child("patch").child(step).child(slot);
        const chosen = this.#choose(this.#split.labelled, "labelled", random, step * labelled + slot);
        const cases = await Promise.all(chosen.map((id) => this.#loadLabelled(id)));
        const joined = this.#join(cases);
        const classVoxels = this.#parts(cases).map(({ of, at }) => of.classVoxels[at]!);
        const labels = this.#parts(cases).map(({ of, at }) => of.labels[at]!);
        const cut = cutLabelledPatch(
          { ...joined, labels, classVoxels },
          patch,
          this.#sharesGeometry(chosen),
          this.#augmentation,
          stream,
        );
        return { ...cut, id: joined.id };
      }),
    );
    return {
      cases: parts.map(({ id }) => id),
      images: stack(parts.map(({ images }) => images)),
      labels: stack(parts.map(({ labels }) => labels)),
      shape: patch,
    };
  }

  /**
   * The unlabelled batch of a step (from 0). No label file is opened for it.
   *
   * @throws {DataError} what loading throws, `split.empty` without unlabelled cases
   */
  async unlabelledBatch(step: number): Promise<UnlabelledBatch> {
    const { patch, unlabelled, seed, views = {} } = this.#options;
    const random = new Random(seed).child("unlabelled");
    const parts = await Promise.all(
      Array.from({ length: unlabelled }, async (_, slot) => {
        const stream = random.child("patch").child(step).child(slot);
        const chosen = this.#choose(this.#split.unlabelled, "unlabelled", random, step * unlabelled + slot);
        const { id, images } = this.#join(await Promise.all(chosen.map((id) => this.#loadUnlabelled(id))));
        const together = this.#sharesGeometry(chosen);
        return { ...cutUnlabelledPatch(images, patch, together, this.#augmentation, stream, views), id };
      }),
    );
    return {
      cases: parts.map(({ id }) => id),
      images: stack(parts.map(({ images }) => images)),
      ...(views.weak && { weakImages: stack(parts.map(({ weakImages }) => weakImages!)) }),
      ...(views.second && { secondImages: stack(parts.map(({ secondImages }) => secondImages!)) }),
      shape: patch,
    };
  }

  /** The case, or in an unpaired set the case of each modality, at a place of the endless shuffled list. */
  #choose(ids: readonly string[], part: string, random: Random, index: number): string[] {
    const { paired, modalities } = this.#dataset;
    if (ids.length === 0) {
      throw new DataError("split.empty", `the ${part} list of the split is empty`, {
        fix: part === "unlabelled" ? "Train without the semi-supervised terms." : "Raise the label ratio.",
      });
    }
    if (paired) return [shuffledAt(ids, random.child("order"), index)];
    return modalities.map(({ id: modality }) => {
      const having = ids.filter((id) => this.#cases.get(id)!.images[modality] !== undefined);
      if (having.length === 0) {
        throw new DataError("split.empty", `no case in the ${part} list has modality ${modality}`);
      }
      return shuffledAt(having, random.child("order").child(modality), index);
    });
  }

  /** Whether the chosen images are cut at one place: voxels correspond, and one case supplies all of them. */
  #sharesGeometry(chosen: readonly string[]): boolean {
    return this.#dataset.aligned && new Set(chosen).size === 1;
  }

  /** Which image of which case stands for each modality. */
  #parts<T extends PreparedCase>(cases: readonly T[]): { of: T; at: number }[] {
    return this.#dataset.modalities.map(({ id }, place) => {
      const of = cases.length === 1 ? cases[0]! : cases[place]!;
      return { of, at: of.images.findIndex(({ modality }) => modality.id === id) };
    });
  }

  #join(cases: readonly PreparedCase[]): PreparedCase {
    const images = this.#parts(cases).map(({ of, at }) => of.images[at]!);
    return { id: cases.map(({ id }) => id).join("|"), images };
  }

  #loadLabelled(id: string): Promise<PreparedLabelledCase> {
    const load = () =>
      prepareLabelledCase(this.#dataset, labelledCase(this.#dataset, id), this.#options.preparation);
    return this.#labelled.get(id, load);
  }

  #loadUnlabelled(id: string): Promise<PreparedCase> {
    const load = () =>
      prepareCase(this.#dataset, withoutLabels(this.#cases.get(id)!), this.#options.preparation);
    return this.#unlabelled.get(id, load);
  }
}

/** The id at a place of an endless list made of one shuffle of `ids` after the other. */
export function shuffledAt(ids: readonly string[], random: Random, index: number): string {
  const round = Math.floor(index / ids.length);
  const order = random.child(round).permutation(ids.length);
  return ids[order[index % ids.length]!]!;
}

function stack<T extends Float32Array | Uint8Array>(patches: readonly (readonly T[])[]): T[] {
  return patches[0]!.map((first, modality) => {
    const out = new (first.constructor as new (length: number) => T)(first.length * patches.length);
    patches.forEach((images, at) => out.set(images[modality]!, at * first.length));
    return out;
  });
}

function bytesOf({ images, ...rest }: PreparedCase | PreparedLabelledCase): number {
  const labels = "labels" in rest ? rest.labels.reduce((sum, { byteLength }) => sum + byteLength, 0) : 0;
  return images.reduce(
    (sum, { data, foreground, inside }) =>
      sum + data.byteLength + foreground.byteLength + (inside?.byteLength ?? 0),
    labels,
  );
}
