/**
 * Using a network: windows, whole cases, judging, and networks out of checkpoints.
 *
 * @module
 */

export { averaged, mirrored } from "./average_patches.ts";
export { caseBytes } from "./case_memory.ts";
export { type Ensemble, type EnsembleGroup, openEnsemble, warmUp } from "./ensemble.ts";
export {
  evaluateCases,
  type EvaluateOptions,
  type Prediction,
  type ProbablePrediction,
} from "./evaluate_cases.ts";
export { patchPredictor } from "./patch_predictor.ts";
export { openPredictor, predict, type Predictor, requirePredictable } from "./predict.ts";
export {
  type CaseOptions,
  type CaseSegmentation,
  predictCase,
  type Target,
  targetsOf,
} from "./predict_case.ts";
export { type Segmentation, segmentCase, type SegmentOptions, type SegmentSetting } from "./segment_case.ts";
export { SlabRestorer } from "./slab_restorer.ts";
export { missingStrategies, useMissingStrategy } from "./missing_strategies.ts";
