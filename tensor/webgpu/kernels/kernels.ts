/**
 * The WebGPU kernel of every op; a row of the op table without one does not compile.
 *
 * @module
 */

import type { Kernels } from "../kernel.ts";
import { attention, attentionGrad } from "./attention.ts";
import { argmax, oneHot } from "./class_labels.ts";
import { conv3d, conv3dInputGrad, convTranspose3d } from "./conv3d.ts";
import { diceCrossEntropy, diceCrossEntropyGrad } from "./dice_cross_entropy.ts";
import { dropout } from "./dropout.ts";
import { gather } from "./gather.ts";
import { cast, concat, expand, flip, pad, permute, slice, split } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { groupNorm, groupNormGrad } from "./normalization.ts";
import { avgPool3d, avgPool3dGrad, maxPool3d, maxPool3dGrad } from "./pool3d.ts";
import { extremumGrad, max, mean, min, sum } from "./reduce.ts";
import { resize3d, resize3dGrad } from "./resize3d.ts";
import { rowSimilarity, rowSimilarityGrad } from "./row_similarity.ts";
import { logSoftmax, logSoftmaxGrad, softmax, softmaxGrad } from "./softmax.ts";
import { sumOfSquares } from "./sum_of_squares.ts";
import { unitRows, unitRowsGrad } from "./unit_rows.ts";
import { accumulate, adam, average, sgd } from "./update.ts";
import { conv3dWeightGrad } from "./weight_gradient.ts";

/** By the name of the op. */
export const kernels: Kernels = {
  sum,
  mean,
  sumOfSquares,
  max,
  min,
  extremumGrad,
  expand,
  permute,
  slice,
  pad,
  concat,
  split,
  flip,
  cast,
  gather,
  matmul,
  conv3d,
  conv3dInputGrad,
  conv3dWeightGrad,
  convTranspose3d,
  maxPool3d,
  maxPool3dGrad,
  avgPool3d,
  avgPool3dGrad,
  resize3d,
  resize3dGrad,
  groupNorm,
  groupNormGrad,
  unitRows,
  unitRowsGrad,
  softmax,
  softmaxGrad,
  logSoftmax,
  logSoftmaxGrad,
  attention,
  attentionGrad,
  argmax,
  oneHot,
  diceCrossEntropy,
  diceCrossEntropyGrad,
  rowSimilarity,
  rowSimilarityGrad,
  dropout,
  sgd,
  adam,
  average,
  accumulate,
};
