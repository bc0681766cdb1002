/**
 * Judges a network on cases with labels, on the grids the images came on.
 *
 * @module
 */

import { type Dataset, labelledCase, modalitiesOf } from "../../data/dataset.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { prepareCase, type PreparedImage } from "../../data/prepare/prepare.ts";
import { restoreSegmentation } from "../../data/prepare/restore.ts";
import { sameGrid } from "../../data/grid_check.ts";
import { gridOf, type Volume } from "../../data/volume.ts";
import { type CaseRecord, evaluateCase } from "../../eval/mod.ts";
import { segmentCase, type SegmentSetting } from "./segment_case.ts";

/** A judged prediction on the grid of the raw image. */
export interface Prediction {
  /** Case id. */
  readonly case: string;
  /** Modality id. */
  readonly modality: string;
  /** Predicted class ids. */
  readonly labels: Volume<Uint8Array>;
  /** How it compares with the reference, one record a class. */
  readonly records: readonly CaseRecord[];
  /** Milliseconds for the whole case: loading, preparing and segmenting all its images. */
  readonly caseMs: number;
}

/** The probabilities of one image and what they are held against. */
export interface ProbablePrediction {
  /** The prepared image. */
  readonly image: PreparedImage;
  /** `[K,D,H,W]` on the grid of the prepared image. */
  readonly probabilities: Float32Array;
  /** Reference labels, on a grid of their own. */
  readonly reference: Volume<Uint8Array>;
}

/** Who follows {@link evaluateCases}. */
export interface EvaluateOptions {
  /** Is given each prediction as it is made, to store or show it. */
  readonly seen?: (prediction: Prediction) => Promise<void>;
  /** Is given the probabilities behind each prediction, which are then computed for every image. */
  readonly probable?: (prediction: ProbablePrediction) => void;
  /** Is told the case at work and the share of all cases that is done. */
  readonly progress?: (text: string, share: number) => void;
}

/**
 * Segments cases and compares them with their labels.
 *
 * @returns one record for each case, modality and class
 */
export async function evaluateCases(
  dataset: Dataset,
  ids: readonly string[],
  setting: SegmentSetting,
  preparation: Preparation,
  { seen, probable, progress }: EvaluateOptions = {},
): Promise<CaseRecord[]> {
  const records: CaseRecord[] = [];
  for (const [i, id] of ids.entries()) {
    const of = labelledCase(dataset, id);
    const begin = performance.now();
    const prepared = await prepareCase(dataset, of, preparation);
    const present = modalitiesOf(dataset, of);
    // In the order of the network's inputs, whatever that of the data set is.
    const images = preparation.modalities.map(({ id }) =>
      prepared.images.find((image) => image.modality.id === id) ?? null
    );
    const segmentations = await segmentCase(setting, images, {
      probabilities: probable !== undefined,
      progress: (share) => progress?.(`${id} (${i + 1} of ${ids.length})`, (i + share) / ids.length),
    });
    const caseMs = performance.now() - begin;
    const references = await dataset.loadLabels(of);
    for (const segmentation of segmentations) {
      const { image } = segmentation, modality = image.modality.id;
      const reference = references[present.findIndex((candidate) => candidate.id === modality)]!;
      // Judged where the reference lies, which in an aligned set may be another modality's grid.
      const prediction = restoreSegmentation(image, segmentation, gridOf(reference));
      const own = evaluateCase({ case: id, modality, prediction, reference, classes: dataset.classes });
      records.push(...own);
      probable?.({ image, probabilities: segmentation.probabilities!, reference });
      if (seen === undefined) continue;
      const labels = sameGrid(gridOf(reference), image.native)
        ? prediction
        : restoreSegmentation(image, segmentation);
      await seen({ case: id, modality, labels, records: own, caseMs });
    }
  }
  return records;
}
