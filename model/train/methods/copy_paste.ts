/**
 * Bidirectional copy-paste: boxes of labelled patches in unlabelled ones and the other way round, learned with labels
 * where the labelled patch is and with pseudo-labels where the unlabelled one is (BCP, Bai et al., CVPR 2023), for
 * several modalities at once.
 *
 * @module
 */

import { weightedCrossEntropy, weightedDice } from "../../../losses/mod.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { sub } from "../../../tensor/ops/elementwise.ts";
import { concat } from "../../../tensor/ops/layout.ts";
import type { LossTerm } from "../method.ts";
import { mixed, mixedLabels } from "./boxes.ts";
import { meanOf } from "./terms.ts";

/** Patches with boxes of each other, first labelled around unlabelled, then unlabelled around labelled. */
export interface PastedBatch {
  /** One a modality, `[2N,1,D,H,W]`. */
  readonly images: readonly Tensor[];
  /** One a modality, `[2N,D,H,W]`. */
  readonly labels: readonly Tensor[];
  /** 1 where labels are a person's, `[2N,1,D,H,W]`. */
  readonly trusted: Tensor;
}

/**
 * Mixes two batches of N patches each by one box for all samples and modalities.
 *
 * @param labelled images and labels, one a modality
 * @param unlabelled images, and pseudo-labels in the labels' place
 * @param mask 0 in the box, `[1,1,D,H,W]`
 */
export function paste(
  labelled: { readonly images: readonly Tensor[]; readonly labels: readonly Tensor[] },
  unlabelled: { readonly images: readonly Tensor[]; readonly labels: readonly Tensor[] },
  mask: Tensor,
): PastedBatch {
  const samples = labelled.images[0]!.shape[0]!;
  const repeated = (part: Tensor) => Array.from({ length: samples }, () => part);
  return {
    images: labelled.images.map((x, m) =>
      concat([mixed(x, unlabelled.images[m]!, mask), mixed(unlabelled.images[m]!, x, mask)], 0)
    ),
    labels: labelled.labels.map((y, m) =>
      concat([mixedLabels(y, unlabelled.labels[m]!, mask), mixedLabels(unlabelled.labels[m]!, y, mask)], 0)
    ),
    trusted: concat([...repeated(mask), ...repeated(sub(1, mask))], 0),
  };
}

/**
 * Dice + cross-entropy of predictions on pasted patches, mean over the modalities: where labels are a person's, and
 * with a weight where they are not.
 */
export function pastedTerms(
  logits: readonly (Tensor | null)[],
  { labels, trusted }: PastedBatch,
  pseudoWeight: number,
): Record<"pasted" | "pseudo", LossTerm> {
  const over = (where: Tensor) =>
    meanOf(
      logits.map((z, m) =>
        weightedCrossEntropy(z!, labels[m]!, where).add(weightedDice(z!, labels[m]!, where))
      ),
    );
  return {
    pasted: { value: over(trusted), weight: 1 },
    pseudo: { value: over(sub(1, trusted)), weight: pseudoWeight },
  };
}
