/**
 * How a trained network stands in for missing images: what it was trained with, and what else it can do.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import type { Module } from "../../tensor/module.ts";
import { Cmc } from "../cmc.ts";
import { missingModalities, type MissingModality } from "../missing_modality.ts";

/** The CMC networks that a network is or consists of: a student, a teacher. */
function cmcsIn(network: Module): Cmc[] {
  if (network instanceof Cmc) return [network];
  return Object.values(network).flatMap((part) => part instanceof Cmc ? [part] : []);
}

/**
 * The strategies of a network, the one it was trained with first; none for networks that have no fusion to fill. A
 * duplicate is the mean of two modalities without one, and a token has to have been learned.
 */
export function missingStrategies(network: Module, modalities: number): MissingModality[] {
  const [first] = cmcsIn(network);
  if (!first) return [];
  const others = missingModalities.filter((strategy) =>
    strategy !== first.missing && (strategy !== "token" || first.tokens !== null) &&
    !(modalities === 2 && strategy === "duplicate")
  );
  return [first.missing, ...others];
}

/**
 * Makes a network stand in for missing images by a strategy from now on.
 *
 * @throws {CodedError} `model.missing` for a network that has no such strategy
 */
export function useMissingStrategy(network: Module, strategy: MissingModality): void {
  const cmcs = cmcsIn(network);
  if (cmcs.length === 0 || (strategy === "token" && cmcs.some(({ tokens }) => tokens === null))) {
    throw new CodedError(
      "model.missing",
      `this network cannot fill the place of a missing image by ${strategy}`,
      {
        fix: cmcs.length === 0
          ? "Leave the strategy out: its modalities do not meet in a fusion."
          : "Choose another strategy, or train with this one and leave out modalities in training.",
      },
    );
  }
  for (const cmc of cmcs) cmc.missing = strategy;
}
