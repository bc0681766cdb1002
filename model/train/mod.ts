/**
 * Training: methods, the loop, checkpoints, run folders and prediction.
 *
 * @module
 */

export { type Checkpoint, type CheckpointInfo, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export { nearest, resolveConfig, settingNames, type TrainConfig, type TrainOptions } from "./config.ts";
export { type Cost, costOf } from "./cost.ts";
export { evaluateCases, type EvaluateOptions, type Prediction } from "./evaluate_cases.ts";
export type { LossTerm, Method, Segmenter, StepBatch, Task, UnlabelledViews } from "./method.ts";
export { methodNames, methods } from "./methods/table.ts";
export { openPredictor, predict, type Predictor } from "./predict.ts";
export { clock, Progress, type ProgressSink, silent } from "./progress.ts";
export { readFile, readJsonObject } from "./read_json.ts";
export { RunFolder, writeAtomically } from "./run_folder.ts";
export { learningRateFactor, type Phases, unlabelledFactor } from "./schedule.ts";
export { type Segmentation, segmentCase, type SegmentOptions, type SegmentSetting } from "./segment_case.ts";
export { type HostBatch, type StepSetting, trainStep } from "./step.ts";
export {
  type BestState,
  checkData,
  train,
  type TrainedRun,
  type TrainSetting,
  type TrainState,
} from "./train.ts";
export { type FolderRun, type FolderSetting, testColumns, trainInFolder } from "./train_in_folder.ts";
export { checkTraining, type Training, type TrainingData } from "./training.ts";
