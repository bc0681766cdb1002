/**
 * Supervised training at the cost of a semi-supervised method: where that sees unlabelled patches, this sees as many
 * more labelled ones.
 *
 * @module
 */

import type { Method } from "../method.ts";
import { quantity } from "../settings.ts";
import type { CmcSegmenter } from "./cmc_segmenter.ts";
import { supervised } from "./supervised.ts";

const settings = {
  labelledBatches: quantity(2, "labelled batches in a step of the semi-supervised phase", {
    min: 1,
    isInteger: true,
  }),
} as const;

/** Twice the labelled patches in the phase where CMC computes twice as much. */
export const supervisedMatched: Method<typeof settings, CmcSegmenter> = {
  ...supervised,
  name: "supervised-matched",
  summary:
    "labelled cases alone, with as many more patches as the semi-supervised methods see unlabelled ones",
  settings,
  wants: ({ labelledBatches }, factor) => factor > 0 ? { labelledBatches } : {},
};
