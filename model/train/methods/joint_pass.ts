/**
 * Labelled and unlabelled patches through the network as one batch: half the launches of two passes, and the same
 * numbers, since a sample never meets another in it.
 *
 * @module
 */

import { concat, split } from "../../../tensor/ops/layout.ts";
import { scope } from "../../../tensor/scope.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { CmcForward, CmcOutput, DeepOutput } from "../../cmc.ts";
import type { CmcSegmenter } from "./cmc_segmenter.ts";

/** What one pass says of both. */
export interface JointOutput {
  /** Of the labelled patches: logits of each modality and level, finest first. */
  readonly labelled: DeepOutput["logits"];
  /** Of the unlabelled ones. */
  readonly unlabelled: CmcOutput;
}

/**
 * Segments both.
 *
 * @param labelled one a modality, `[N,1,D,H,W]`
 * @param unlabelled one a modality, `[M,1,D,H,W]`
 */
export function jointPass(
  network: CmcSegmenter,
  labelled: readonly Tensor[],
  unlabelled: readonly Tensor[],
  how: CmcForward = {},
): JointOutput {
  return scope(() => {
    const images = labelled.map((image, m) => concat([image, unlabelled[m]!], 0));
    const { features, logits } = network.forwardDeep(images, how);
    const counts = [labelled[0]!.shape[0]!, unlabelled[0]!.shape[0]!] as const;
    const finest = logits.map((levels) => split(levels![0]!, counts, 0) as [Tensor, Tensor]);
    return {
      labelled: logits.map((levels, m) => [
        finest[m]![0],
        ...levels!.slice(1).map((coarse) => coarse.narrow(0, 0, counts[0])),
      ]),
      unlabelled: {
        features: features.map((x) => x!.narrow(0, counts[0])),
        logits: finest.map(([, ofUnlabelled]) => ofUnlabelled),
      },
    };
  });
}
