/**
 * The losses of CMC, one a file: functions of tensors that return a scalar tensor.
 *
 * @example Two modalities that predict the same thing are perfectly consistent
 * ```ts
 * import { anatomicalConsistency } from "./mod.ts";
 * import { openDevice, Random, Tensor } from "../tensor/mod.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("cpu");
 * using logits = Tensor.normal(device, new Random(1), [1, 3, 4, 4, 4], 20);
 * using loss = anatomicalConsistency(logits, logits);
 * assert.ok(Math.abs(await loss.item()) < 1e-6);
 * ```
 *
 * @module
 */

export {
  anatomicalConsistency,
  confidentTarget,
  type ConsistencyForm,
  type ConsistencyTarget,
  targetConsistency,
} from "./anatomical_consistency.ts";
export { areaSimilarityContrast } from "./area_similarity.ts";
export { channelConsistency } from "./channel_consistency.ts";
export { channelContrast } from "./channel_contrast.ts";
export { classContrast } from "./class_contrast.ts";
export { diceCrossEntropy } from "../tensor/ops/dice_cross_entropy.ts";
export { maskedReconstruction } from "./masked_reconstruction.ts";
export { ntXent, type NtXentOptions } from "./nt_xent.ts";
export { pooledConsistency } from "./pooled_consistency.ts";
export { proportionConsistency } from "./proportion_consistency.ts";
export { weightedCrossEntropy, weightedDice } from "./pseudo_labels.ts";
export { releasedChannelContrast, releasedLogitSimilarity, releasedWeights } from "./released.ts";
export { softDice } from "./soft_dice.ts";
export { entropy, entropyWeightedMean, squaredDifference } from "./uncertainty.ts";
