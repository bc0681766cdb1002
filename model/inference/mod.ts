/**
 * Using a network: windows, whole cases, judging, and networks out of checkpoints.
 *
 * @module
 */

export {
  evaluateCases,
  type EvaluateOptions,
  type Prediction,
  type ProbablePrediction,
} from "./evaluate_cases.ts";
export { patchPredictor } from "./patch_predictor.ts";
export { openPredictor, predict, type Predictor } from "./predict.ts";
export { type Segmentation, segmentCase, type SegmentOptions, type SegmentSetting } from "./segment_case.ts";
