/**
 * Supervised training with the labels of all training cases: the bound that semi-supervised methods strive for.
 *
 * @module
 */

import type { Method } from "../method.ts";
import type { CmcSegmenter } from "./cmc_segmenter.ts";
import { supervised } from "./supervised.ts";

/** The split's unlabelled cases give their labels too, where they have any. */
export const supervisedAll: Method<Record<never, never>, CmcSegmenter> = {
  ...supervised,
  name: "supervised-all",
  summary: "the labels of all training cases, those of the unlabelled list too: the upper bound",
  usesAllLabels: true,
};
