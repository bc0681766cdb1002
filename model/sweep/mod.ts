/**
 * Sweeps: many trainings described in one file, run by processes here or by a cluster, and collected into tables.
 *
 * @module
 */

export { cellArguments, cellLine, type CellPlace, shellWord } from "./cell_command.ts";
export { startCell } from "./cell_process.ts";
export { type CellReport, cellReport, type CellState, cellStates, errorIn } from "./cell_state.ts";
export { type Collected, collectSweep } from "./collect.ts";
export { type Cell, cellsOf, pathSettings } from "./cells.ts";
export { kubernetesJob } from "./kubernetes.ts";
export { requireMemory } from "./memory.ts";
export { type Attempt, type CellProcess, type LocalSetting, runLocally } from "./run_locally.ts";
export {
  type ArraySetting,
  cellsEnded,
  cellsInQueue,
  parseJob,
  parseJobs,
  sacctArguments,
  type SlurmJob,
  slurmScript,
  squeueArguments,
} from "./slurm.ts";
export { countStates, secondsLeft, statusText, summaryLine } from "./status.ts";
export { type TrialResult, trialResults } from "./trial_results.ts";
export { parseTrials, type Trial } from "./trials.ts";
export {
  type KubernetesSettings,
  parseSweep,
  readSweep,
  type SlurmSettings,
  type Sweep,
  type SweepMethod,
} from "./sweep_file.ts";
export { readSweepFolder, type SweepFolder, sweepPaths, writeSweepFolder } from "./sweep_folder.ts";
