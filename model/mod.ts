/**
 * The CMC network, its parts and how it is trained.
 *
 * @module
 */

export { Adapter, LowRank } from "./adapter.ts";
export { ConvBlock } from "./blocks.ts";
export { Cmc, type CmcForward, type CmcOutput, type CmcShape, type DeepOutput, type Sharing } from "./cmc.ts";
export { type Combination, ConcatJoin, joinByConcat, NormWeights } from "./join.ts";
export { fillMissing, missingModalities, type MissingModality } from "./missing_modality.ts";
export {
  type ChannelScale,
  dissimilarChannels,
  ModalityIndependentAwareness,
} from "./modality_independent_awareness.ts";
export { type Preset, type PresetName, presetNamed, presetNames, presets } from "./presets.ts";
export { type Encoded, Level, UnetDecoder, UnetEncoder } from "./unet.ts";
export {
  Named,
  ReleasedCmc,
  ReleasedConv,
  ReleasedDecoder,
  ReleasedDown,
  ReleasedEncoder,
  ReleasedFusion,
  type ReleasedShape,
  ReleasedUp,
} from "./released.ts";
export {
  bottleneckChannels,
  checkLevels,
  isotropicLevels,
  lightShape,
  strideOf,
  type UnetLevel,
  type UnetShape,
  universalShape,
} from "./unet_shape.ts";
export {
  ConvWeights,
  Mlp,
  PatchEmbedding,
  plainTuning,
  samMed3d,
  Vit,
  VitAttention,
  VitBlock,
  type VitShape,
  type VitTuning,
} from "./vit.ts";
export type { NetworkConfig } from "./network_config.ts";
export { encoderOf, VitEncoder, vitUnet } from "./vit_encoder.ts";
export { type Segmenter, type Task, taskOf } from "./segmenter.ts";
export { exportHtml } from "./export/html.ts";
export { exportOnnx, outputName } from "./export/onnx/onnx.ts";
export { pythonExample } from "./export/onnx/python_example.ts";
export * from "./inference/mod.ts";
export { type Budget, budgets, makePlan, type Plan, type PlanLine } from "./plan/plan.ts";
export { largestPatch } from "./plan/largest_patch.ts";
export type { CostOfSettings, PlannedSettings } from "./plan/planned_settings.ts";
export { type Topology, topologyOf } from "./plan/topology.ts";
export * from "./run/mod.ts";
export { type ByteSource, bytesSource, fileSource } from "./weights/byte_source.ts";
export { type Converted, convertWeights } from "./weights/convert.ts";
export { type Initial, initialise, type Initialised, settingsFor } from "./weights/initialise.ts";
export { type Layout, layoutNamed, layouts } from "./weights/layouts.ts";
export * from "./train/mod.ts";
