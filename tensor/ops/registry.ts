/**
 * The op table: every row of the library. Devices are typed by it, so a missing kernel does not compile;
 * tests, documentation and benchmarks iterate it.
 *
 * @module
 */

import { argmaxOp, oneHotOp } from "./class_labels.ts";
import { conv3dInputGradOp, conv3dOp, conv3dWeightGradOp, convTranspose3dOp } from "./conv3d.ts";
import { diceCrossEntropyGradOp, diceCrossEntropyOp } from "./dice_cross_entropy.ts";
import { dropoutOp } from "./dropout.ts";
import { elementwiseOps } from "./elementwise.ts";
import { attentionGradOp, attentionOp } from "./fused_attention.ts";
import { gatherOp } from "./gather.ts";
import { castOp, concatOp, flipOp, padOp, permuteOp, reshapeOp, sliceOp, splitOp } from "./layout.ts";
import { matmulOp } from "./matmul.ts";
import { groupNormGradOp, groupNormOp } from "./normalization.ts";
import type { AnyOp, AttributesOf } from "./op.ts";
import { avgPool3dGradOp, avgPool3dOp, maxPool3dGradOp, maxPool3dOp } from "./pool3d.ts";
import { expandOp, extremumGradOp, maxOp, meanOp, minOp, sumOp } from "./reduce.ts";
import { resize3dGradOp, resize3dOp } from "./resize3d.ts";
import { rowSimilarityGradOp, rowSimilarityOp } from "./row_similarity.ts";
import { logSoftmaxGradOp, logSoftmaxOp, softmaxGradOp, softmaxOp } from "./softmax.ts";
import { sumOfSquaresOp } from "./sum_of_squares.ts";
import { unitRowsGradOp, unitRowsOp } from "./unit_rows.ts";
import { accumulateOp, adamOp, averageOp, sgdOp } from "./update.ts";

/** Ops with a hand-written kernel on each device. */
export const kernelOps = {
  sum: sumOp,
  mean: meanOp,
  sumOfSquares: sumOfSquaresOp,
  max: maxOp,
  min: minOp,
  extremumGrad: extremumGradOp,
  expand: expandOp,
  permute: permuteOp,
  slice: sliceOp,
  pad: padOp,
  concat: concatOp,
  split: splitOp,
  flip: flipOp,
  cast: castOp,
  gather: gatherOp,
  matmul: matmulOp,
  conv3d: conv3dOp,
  conv3dInputGrad: conv3dInputGradOp,
  conv3dWeightGrad: conv3dWeightGradOp,
  convTranspose3d: convTranspose3dOp,
  maxPool3d: maxPool3dOp,
  maxPool3dGrad: maxPool3dGradOp,
  avgPool3d: avgPool3dOp,
  avgPool3dGrad: avgPool3dGradOp,
  resize3d: resize3dOp,
  resize3dGrad: resize3dGradOp,
  groupNorm: groupNormOp,
  groupNormGrad: groupNormGradOp,
  unitRows: unitRowsOp,
  unitRowsGrad: unitRowsGradOp,
  softmax: softmaxOp,
  softmaxGrad: softmaxGradOp,
  logSoftmax: logSoftmaxOp,
  logSoftmaxGrad: logSoftmaxGradOp,
  attention: attentionOp,
  attentionGrad: attentionGradOp,
  argmax: argmaxOp,
  oneHot: oneHotOp,
  diceCrossEntropy: diceCrossEntropyOp,
  diceCrossEntropyGrad: diceCrossEntropyGradOp,
  rowSimilarity: rowSimilarityOp,
  rowSimilarityGrad: rowSimilarityGradOp,
  dropout: dropoutOp,
  sgd: sgdOp,
  adam: adamOp,
  average: averageOp,
  accumulate: accumulateOp,
} as const satisfies Record<string, AnyOp>;

/** Names of the ops with hand-written kernels. */
export type KernelName = keyof typeof kernelOps;

/** Attributes of such an op. */
export type KernelAttributes<K extends KernelName> = AttributesOf<(typeof kernelOps)[K]>;

/** All rows: elementwise ops, views and kernels. */
export const ops: Readonly<Record<string, AnyOp>> = { ...elementwiseOps, reshape: reshapeOp, ...kernelOps };
