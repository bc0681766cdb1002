/**
 * What a training would cost, for `train --dry-run`.
 *
 * @module
 */

import { type Budget, type Cost, largestPatch, type TrainConfig } from "../model/mod.ts";

/**
 * The cost of a configuration as lines and as JSON, and whether a device holds it. Where it does not, the largest patch
 * that fits is named; null where none does.
 */
export async function costReport(
  config: TrainConfig,
  costOf: (config: TrainConfig) => Promise<Cost>,
  { limit }: Budget,
): Promise<{ readonly text: string; readonly json: Readonly<Record<string, unknown>> }> {
  const cost = await costOf(config), fits = cost.peakBytes <= limit;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const lines = [
    `parameters     ${cost.parameters.toLocaleString("en")}`,
    `trainable      ${cost.trainable.toLocaleString("en")}`,
    `multiply-adds  ${(cost.multiplyAdds / 1e9).toFixed(2)} G a forward pass of one patch of every modality`,
    `memory         ${mib(cost.peakBytes)} MiB at most in a training step: ${mib(cost.stateBytes)} of ` +
    `parameters and moments, ${mib(cost.activationBytes)} of activations and gradients`,
  ];
  if (fits) return { text: lines.join("\n"), json: { ...cost, fits } };
  const largest = await largestPatch(config, (smaller) => costOf({ ...config, ...smaller }), limit);
  lines.push(
    `               more than the ${mib(limit)} MiB that the device holds; ${
      largest ? `the largest patch that fits is ${largest.join(",")}` : "no patch fits"
    }`,
  );
  return { text: lines.join("\n"), json: { ...cost, fits, largestPatch: largest ?? null } };
}
