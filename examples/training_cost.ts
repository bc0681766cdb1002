/**
 * What a training would cost, for `train --dry-run`.
 *
 * @module
 */

import {
  type Budget,
  clock,
  type Cost,
  largestPatch,
  type MeasuredTraining,
  type TrainConfig,
} from "../model/mod.ts";

/** Multiply-adds of a step beyond which a processor takes too long to measure some. */
const mostToMeasure = 3e11;

/**
 * Why nothing is measured of a training, if so: on a processor, steps may take minutes.
 *
 * @param multiplyAdds of one forward pass of one patch of every modality
 */
export function whyNotMeasured(
  { batch, accumulate }: Pick<TrainConfig, "batch" | "accumulate">,
  multiplyAdds: number,
  kind: "cpu" | "webgpu",
): string | undefined {
  // Forward and backward, of labelled and of unlabelled patches.
  const work = 3 * 2 * batch * accumulate * multiplyAdds;
  if (kind === "webgpu" || work <= mostToMeasure) return undefined;
  return `not measured: on a processor, a step of ${(work / 1e9).toFixed(0)} G multiply-adds takes long`;
}

/** Time and memory as they were measured. */
export function measuredText(
  { stepSeconds, supervisedStepSeconds, caseSeconds, seconds, processBytes }: MeasuredTraining,
): string {
  const second = (value: number) => `${value.toPrecision(2)} s`;
  const early = supervisedStepSeconds === null
    ? ""
    : ` (${second(supervisedStepSeconds)} in the supervised phase)`;
  const judged = caseSeconds === null ? "" : `, ${second(caseSeconds)} to judge a case`;
  return [
    `time           ${clock(seconds)} in all: ${second(stepSeconds)} a step${early}${judged}`,
    `process        ${(processBytes / 2 ** 20).toFixed(0)} MiB of memory while this was measured`,
  ].join("\n");
}

/** The cost of a training, for people and for programs. */
export interface CostReport {
  /** Lines. */
  readonly text: string;
  /** The same as JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The cost itself. */
  readonly cost: Cost;
  /** Whether the device holds it. */
  readonly fits: boolean;
}

/**
 * The cost of a configuration as lines and as JSON, and whether a device holds it. Where it does not, the largest patch
 * that fits is named; null where none does.
 */
export async function costReport(
  config: TrainConfig,
  costOf: (config: TrainConfig) => Promise<Cost>,
  { limit }: Budget,
): Promise<CostReport> {
  const cost = await costOf(config), fits = cost.peakBytes <= limit;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const lines = [
    `parameters     ${cost.parameters.toLocaleString("en")}`,
    `trainable      ${cost.trainable.toLocaleString("en")}`,
    `multiply-adds  ${(cost.multiplyAdds / 1e9).toFixed(2)} G a forward pass of one patch of every modality`,
    `memory         ${mib(cost.peakBytes)} MiB at most in a training step: ${mib(cost.stateBytes)} of ` +
    `parameters and moments, ${mib(cost.activationBytes)} of activations and gradients`,
  ];
  if (fits) return { text: lines.join("\n"), json: { ...cost, fits }, cost, fits };
  const largest = await largestPatch(config, (smaller) => costOf({ ...config, ...smaller }), limit);
  lines.push(
    `               more than the ${mib(limit)} MiB that the device holds; ${
      largest ? `the largest patch that fits is ${largest.join(",")}` : "no patch fits"
    }`,
  );
  return { text: lines.join("\n"), json: { ...cost, fits, largestPatch: largest ?? null }, cost, fits };
}
