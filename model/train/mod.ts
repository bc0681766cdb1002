/**
 * Training: methods, settings, the loop.
 *
 * @module
 */

export { checkData, checkTraining } from "./checks.ts";
export { checkShape, type EngineConfig, engineNames, type EngineOptions } from "./config.ts";
export { type Cost, costOf } from "./cost.ts";
export { followInNotebook, type NotebookKernel } from "./display_run.ts";
export type { TrainSetting } from "./fit.ts";
export type { StepTime } from "./step_queue.ts";
export { type MeasuredTraining, measureTraining } from "./measure.ts";
export type { LossTerm, Method, StepBatch, StepContext, UnlabelledViews, Wants } from "./method.ts";
export { methodNames, methods } from "./methods/table.ts";
export { nearest } from "./nearest.ts";
export { preparationFor, trainingCases } from "./preparation_for.ts";
export { clock, Progress, type ProgressSink, silent } from "./progress.ts";
export {
  methodNamed,
  methodOf,
  requireMethod,
  resolveConfig,
  type TrainConfig,
  type TrainOptions,
} from "./resolve.ts";
export { learningRateFactor, type LearningRateShape, type Phases, unlabelledFactor } from "./schedule.ts";
export {
  choice,
  type ChoiceSetting,
  type NumberSetting,
  optionOf,
  quantity,
  type SettingsSchema,
  type SettingValues,
} from "./settings.ts";
export type { BestState, TrainState } from "./state.ts";
export { type HostBatch, type MicroBatch, type StepPlace, type StepSetting, trainStep } from "./step.ts";
export { train, type TrainedRun } from "./train.ts";
export { type Training, type TrainingData, usedParts } from "./training.ts";
