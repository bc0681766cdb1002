/**
 * Tensors with gradients on two devices: what everything else here computes with.
 *
 * @module
 */

export { apply, applyAll, update } from "./apply.ts";
export { backward, type Edge, GraphNode, isRecording, noGrad } from "./autograd.ts";
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
export { Conv3d, type Init, InstanceNorm, UpConv3d } from "./layers.ts";
export { type HostTensor, Module, type StateDict } from "./module.ts";
export { type DeviceChoice, type DeviceOptions, openDevice } from "./open_device.ts";
export { argmax, oneHot } from "./ops/class_labels.ts";
export { conv3d, type ConvOptions, convTranspose3d } from "./ops/conv3d.ts";
export { diceCrossEntropy } from "./ops/dice_cross_entropy.ts";
export {
  abs,
  add,
  div,
  equal,
  exp,
  greater,
  leakyRelu,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  sqrt,
  square,
  sub,
  tanh,
  type Term,
  where,
} from "./ops/elementwise.ts";
export { cast, concat, flip, pad, permute, reshape, slice } from "./ops/layout.ts";
export { matmul, type MatmulAttributes } from "./ops/matmul.ts";
export { groupNorm, instanceNorm, type NormOptions } from "./ops/normalization.ts";
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
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { AdamW, type AdamWOptions, clipFactor, globalGradientNorm } from "./optim.ts";
export { Random, type RandomState, threefry } from "./random.ts";
export { decodeSafetensors, encodeSafetensors, type SafeTensor, type SafeTensors } from "./safetensors.ts";
export { keep, scope } from "./scope.ts";
export { type Shape, shapeText, type Triple } from "./shape.ts";
export { type AliasOptions, Tensor } from "./tensor.ts";
