/**
 * Segments a case with one or more networks, on the grids of its scans, in memory bounded by slabs.
 *
 * @module
 */

import { checkFinite } from "../../data/finite.ts";
import { type Turn, turnBack } from "../../data/orientation.ts";
import { type PreparedImage, prepareImages } from "../../data/prepare/prepare.ts";
import { type Grid, gridOf, type Volume, volumeFrom } from "../../data/volume.ts";
import { slidingWindow } from "../../eval/sliding_window.ts";
import { averaged, mirrored } from "./average_patches.ts";
import type { Ensemble, EnsembleGroup } from "./ensemble.ts";
import { patchPredictor } from "./patch_predictor.ts";
import { requirePredictable } from "./predict.ts";
import { SlabRestorer } from "./slab_restorer.ts";

/** How a case is segmented. */
export interface CaseOptions {
  /** Also return the probability of each class. */
  readonly probabilities?: boolean;
  /** Share of a window that its neighbour covers again, in [0, 1); 0.5 when absent. */
  readonly overlap?: number;
  /** Also look at each window mirrored along these axes; see `Ensemble.mirrorAxes`. */
  readonly mirrorAxes?: readonly number[];
  /** What messages call the images, by modality, such as their files. */
  readonly names?: ReadonlyMap<string, string>;
  /** Called after each window with the share of the case that is done. */
  readonly progress?: (share: number) => void;
}

/** A segmentation on the grid of a scan. */
export interface CaseSegmentation {
  /** The modality that was looked at, or null for all of them together. */
  readonly modality: string | null;
  /** The modality whose grid it lies on. */
  readonly on: string;
  /** Class ids. */
  readonly labels: Volume<Uint8Array>;
  /** The probability of each class, background first, when asked for. */
  readonly probabilities?: readonly Volume<Float32Array>[];
}

/** What is to be made: the mean over some modalities, on the grid of one of them. */
export interface Target {
  /** The modality, or null for the mean over all. */
  readonly modality: string | null;
  /** Whose grid. */
  readonly on: string;
  /** The modalities whose probabilities are averaged. */
  readonly of: readonly string[];
  /** The grid, as stored. */
  readonly grid: Grid;
}

/**
 * The segmentations of a case: one for each scan; and, where several scans share one space, first the mean of them
 * all on the finest grid.
 *
 * @param grids of the scans, in the order of the networks' modalities
 */
export function targetsOf(grids: ReadonlyMap<string, Grid>, aligned: boolean): Target[] {
  const single = [...grids].map(([id, grid]): Target => ({ modality: id, on: id, of: [id], grid }));
  if (!aligned || grids.size < 2) return single;
  const voxel = ({ spacing }: Grid) => spacing[0] * spacing[1] * spacing[2];
  // Voxels that differ by rounding are equally fine.
  const [on, grid] = [...grids].reduce((best, next) => voxel(next[1]) < 0.999 * voxel(best[1]) ? next : best);
  return [{ modality: null, on, of: [...grids.keys()], grid }, ...single];
}

/**
 * Segments the scans of one case. The probabilities of all networks, and of mirrored views where asked for, are
 * averaged; those of all scans together give one more segmentation, where they share a space.
 *
 * @param images raw volumes by modality id; at least one of the networks' modalities
 * @returns the segmentation to trust first
 * @throws {CodedError} as `predict`, and for every network
 */
export async function predictCase(
  ensemble: Ensemble,
  images: ReadonlyMap<string, Volume<Float32Array>>,
  { probabilities = false, overlap = 0.5, mirrorAxes = [], names = new Map(), progress = () => {} }:
    CaseOptions = {},
): Promise<CaseSegmentation[]> {
  const { preparation: { modalities, aligned, classes: foreground }, groups } = ensemble;
  for (const { preparation } of groups) requirePredictable(preparation, images, names);
  const finite = new Map(
    [...images].map(([id, image]) => [id, checkFinite(image, names.get(id) ?? `image ${id}`)]),
  );
  const present = modalities.map(({ id }) => id).filter((id) => images.has(id));
  const targets = targetsOf(new Map(present.map((id) => [id, gridOf(images.get(id)!)])), aligned);
  const classes = foreground.length + 1;
  const collectors = targets.map((target) =>
    new Collector(target, classes, groups.length > 1 || probabilities)
  );
  for (const [g, group] of groups.entries()) {
    const prepared = prepareImages(finite, group.preparation);
    const sets = aligned ? [prepared] : prepared.map((image) => [image]);
    for (const [s, set] of sets.entries()) {
      const ids = set.map(({ modality }) => modality.id);
      const restorers = collectors.filter(({ target }) => target.of.every((id) => ids.includes(id)))
        .map((collector) => ({
          heads: collector.target.of.map((id) => ids.indexOf(id)),
          restorer: collector.restorer(set[0]!, group.share),
        }));
      await slidingWindow({
        images: set.map(({ data }) => data),
        padding: set.map(({ background }) => background),
        shape: set[0]!.shape,
        patch: group.members[0]!.segment.patch,
        classes,
        overlap,
        onSlab: (slabs) => {
          for (const { heads, restorer } of restorers) restorer.add(heads.map((head) => slabs[head]!));
        },
        onWindow: (done, total) => progress((g + (s + done / total) / sets.length) / groups.length),
      }, predictorOf(group, modalities.map(({ id }) => ids.includes(id)), mirrorAxes));
    }
  }
  return collectors.map((collector) => collector.result(probabilities));
}

/** The mean of a group's networks, and of mirrored views. */
function predictorOf(
  { members }: EnsembleGroup,
  present: readonly boolean[],
  mirrorAxes: readonly number[],
) {
  return averaged(members.map(({ segment: { device, network, patch } }) => {
    const predict = patchPredictor(device, network, patch, present);
    return mirrorAxes.length === 0 ? predict : mirrored(predict, patch, mirrorAxes);
  }));
}

/** Puts together what comes back slab by slab: labels at once, or sums of probabilities where they are needed. */
class Collector {
  readonly target: Target;

  readonly #classes: number;
  readonly #labels: Uint8Array;
  readonly #sums: readonly Float32Array[] | undefined;
  #turned: { turn: Turn; grid: Grid } | undefined;

  constructor(target: Target, classes: number, keepProbabilities: boolean) {
    this.target = target;
    this.#classes = classes;
    const [d, h, w] = target.grid.shape;
    this.#labels = new Uint8Array(d * h * w);
    this.#sums = keepProbabilities
      ? Array.from({ length: classes }, () => new Float32Array(d * h * w))
      : undefined;
  }

  /** Takes the probabilities of a group of networks, which have a share in the mean. */
  restorer(prepared: PreparedImage, share: number): SlabRestorer {
    const restorer: SlabRestorer = new SlabRestorer(
      prepared,
      this.target.grid,
      this.#classes,
      (first, slab) => {
        const from = first * restorer.grid.shape[1] * restorer.grid.shape[2];
        if (this.#sums === undefined) return takeMostProbable(slab, this.#labels, from);
        this.#sums.forEach((sum, k) => slab[k]!.forEach((p, at) => sum[from + at]! += share * p));
      },
    );
    this.#turned = restorer;
    return restorer;
  }

  result(probabilities: boolean): CaseSegmentation {
    const { turn, grid } = this.#turned!, { modality, on } = this.target;
    const back = <T extends Uint8Array | Float32Array>(data: T) =>
      turnBack(volumeFrom(data, grid.shape, grid.affine), this.target.grid, turn);
    if (this.#sums !== undefined) takeMostProbable(this.#sums, this.#labels, 0);
    return {
      modality,
      on,
      labels: back(this.#labels),
      ...(probabilities && { probabilities: this.#sums!.map(back) }),
    };
  }
}

/** Writes the most probable class of each voxel, the lower one on a tie, from a place on. */
function takeMostProbable(probabilities: readonly Float32Array[], labels: Uint8Array, from: number): void {
  const [background, ...others] = probabilities;
  for (let at = 0; at < background!.length; at++) {
    let best = background![at]!, label = 0;
    for (let k = 0; k < others.length; k++) {
      if (others[k]![at]! > best) best = others[k]![at]!, label = k + 1;
    }
    labels[from + at] = label;
  }
}
