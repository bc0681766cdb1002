/**
 * Tensors with gradients on two devices: what everything else here computes with.
 *
 * @module
 */

export { apply, applyAll, update } from "./apply.ts";
export { backward, type Edge, GraphNode, isRecording, noGrad } from "./autograd.ts";
export { checkpoint, type Recomputable } from "./checkpoint.ts";
export { CountingDevice } from "./counting_device.ts";
export type { Device, DeviceBuffer, DeviceStatistics, DType, HostArray, Operand } from "./device.ts";
export {
  CodedError,
  type CodedErrorOptions,
  DeviceError,
  DisposedError,
  NumericError,
  OutOfMemoryError,
  ParameterFileError,
  ShapeError,
} from "./errors.ts";
export { Conv3d, type Init, InstanceNorm, LayerNorm, Linear, UpConv3d } from "./layers.ts";
export { type HostTensor, Module, type StateDict } from "./module.ts";
export { type DeviceChoice, type DeviceOptions, openDevice } from "./open_device.ts";
export {
  attention,
  type AttentionOptions,
  type RelativePositionForm,
  type RelativePositions,
  selfAttention,
  type SelfAttentionWeights,
} from "./ops/attention.ts";
export { argmax, oneHot } from "./ops/class_labels.ts";
export { conv3d, type ConvOptions, convTranspose3d } from "./ops/conv3d.ts";
export { diceCrossEntropy } from "./ops/dice_cross_entropy.ts";
export { dropout, dropPath } from "./ops/dropout.ts";
export {
  abs,
  add,
  clamp,
  clipFactor,
  div,
  elu,
  equal,
  erf,
  exp,
  floor,
  gelu,
  greater,
  leakyRelu,
  less,
  log,
  maximum,
  minimum,
  mul,
  multiplyAdd,
  neg,
  pow,
  relu,
  sigmoid,
  silu,
  sqrt,
  square,
  sub,
  tanh,
  type Term,
  where,
} from "./ops/elementwise.ts";
export { gather } from "./ops/gather.ts";
export { cast, concat, flip, pad, permute, reshape, roll, slice, split } from "./ops/layout.ts";
export { linear, matmul, type MatmulAttributes } from "./ops/matmul.ts";
export { batchNorm, groupNorm, instanceNorm, layerNorm, type NormOptions } from "./ops/normalization.ts";
export type {
  AnyOp,
  Family,
  GradientContext,
  Op,
  Refusal,
  Sample,
  SampleInput,
  TensorSpec,
} from "./ops/op.ts";
export { avgPool3d, maxPool3d } from "./ops/pool3d.ts";
export { expand, max, mean, min, type ReduceOptions, sum, sumTo } from "./ops/reduce.ts";
export { ops } from "./ops/registry.ts";
export { resize3d, type ResizeOptions } from "./ops/resize3d.ts";
export { rowCosine, rowDice } from "./ops/row_similarity.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { sumOfSquares } from "./ops/sum_of_squares.ts";
export { unitRows } from "./ops/unit_rows.ts";
export { logSumExp, variance, type VarianceOptions } from "./ops/statistics.ts";
export { windowPartition, windowReverse } from "./ops/windows.ts";
export { Adam, type AdamOptions, AdamW, Sgd, type SgdOptions } from "./optim.ts";
export {
  Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
  type ParameterSettings,
  type SettingsOf,
} from "./optimizer.ts";
export { globalGradientNorm } from "./clip.ts";
export { Ema } from "./ema.ts";
export { Random, type RandomState, threefry } from "./random.ts";
export { decodeSafetensors, encodeSafetensors, type SafeTensor, type SafeTensors } from "./safetensors.ts";
export { keep, scope } from "./scope.ts";
export { type Shape, shapeText, type Triple } from "./shape.ts";
export { type AliasOptions, Tensor } from "./tensor.ts";
export { type Trial, tune, type TuneResult } from "./webgpu/tuner.ts";
export { type BlockedKernel, type Blocks, blocksFor, type CostRow, type CostTable } from "./webgpu/tuning.ts";
export { parseTuningFile, type TuningFile, tuningFileText } from "./webgpu/tuning_file.ts";
