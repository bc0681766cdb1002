/**
 * The CMC network, its parts and how it is trained.
 *
 * @module
 */

export { ConvBlock } from "./blocks.ts";
export { Cmc, type CmcOutput, type CmcShape } from "./cmc.ts";
export {
  type ChannelScale,
  dissimilarChannels,
  ModalityIndependentAwareness,
} from "./modality_independent_awareness.ts";
export { type Preset, type PresetName, presetNamed, presetNames, presets } from "./presets.ts";
export {
  bottleneckChannels,
  type Encoded,
  Level,
  lightShape,
  strideOf,
  UnetDecoder,
  UnetEncoder,
  type UnetShape,
  universalShape,
} from "./unet.ts";
export * from "./train/mod.ts";
