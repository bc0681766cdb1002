/**
 * What a training has reached, on the host: all that a resumed run needs.
 *
 * @module
 */

import type { LogRow } from "../../eval/mod.ts";
import { Ema } from "../../tensor/ema.ts";
import type { StateDict } from "../../tensor/module.ts";
import type { Training } from "./training.ts";

/** Everything a training has reached. */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** Tensors of the networks now. */
  readonly network: StateDict;
  /** Their moving average now, when the settings ask for one; empty otherwise. */
  readonly average: StateDict;
  /** State of the optimiser now. */
  readonly optimizer: StateDict;
  /** Best validation so far. */
  readonly best: BestState | null;
  /** One row a step. */
  readonly log: readonly LogRow[];
}

/** The parameters that validated best; the last ones of a pre-training. */
export interface BestState {
  /** Step after which they were reached. */
  readonly step: number;
  /** Mean Dice over classes and modalities of the validation cases; null for a pre-training. */
  readonly dice: number | null;
  /** The predicting network: the average, when there is one. */
  readonly network: StateDict;
}

/** The state to save, copied to the host. */
export async function stateOf(
  { network, average, optimizer }: Training,
  step: number,
  best: BestState | null,
  log: readonly LogRow[],
): Promise<TrainState> {
  return {
    step,
    network: await network.stateDict(),
    average: await average?.stateDict() ?? new Map(),
    optimizer: await optimizer.stateDict(),
    best,
    log: [...log],
  };
}

/** Takes a training to where an earlier one stopped. */
export function restore({ network, average, optimizer }: Training, state: TrainState): void {
  network.loadStateDict(state.network);
  average?.loadStateDict(state.average);
  optimizer.loadStateDict(state.optimizer, state.step);
}

/** Moves the average after a step. */
export function moveAverage({ network, average, config }: Training, step: number): void {
  if (!average) return;
  const ema = new Ema(average, network, config.averageDecay);
  ema.steps = step;
  ema.step();
}
