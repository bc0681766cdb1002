/**
 * What a training leaves on disk: the run folder, checkpoints, the log.
 *
 * @module
 */

export { aboutFile } from "./about_file.ts";
export { type Checkpoint, type CheckpointInfo, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export type { MlflowSetting } from "./mlflow_run.ts";
export { readFile, readJsonObject } from "./read_json.ts";
export { RunFolder, writeAtomically } from "./run_folder.ts";
export { type FolderRun, type FolderSetting, testColumns, trainInFolder } from "./train_in_folder.ts";
