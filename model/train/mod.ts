/**
 * Training: methods, settings, the loop.
 *
 * @module
 */

export { nearest, resolveConfig, settingNames, type TrainConfig, type TrainOptions } from "./config.ts";
export { type Cost, costOf } from "./cost.ts";
export type { LossTerm, Method, StepBatch, UnlabelledViews } from "./method.ts";
export { methodNames, methods } from "./methods/table.ts";
export { clock, Progress, type ProgressSink, silent } from "./progress.ts";
export { learningRateFactor, type Phases, unlabelledFactor } from "./schedule.ts";
export { type HostBatch, type StepSetting, trainStep } from "./step.ts";
export {
  type BestState,
  checkData,
  preparationFor,
  train,
  type TrainedRun,
  type TrainSetting,
  type TrainState,
} from "./train.ts";
export { checkTraining, type Training, type TrainingData } from "./training.ts";
