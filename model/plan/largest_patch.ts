/**
 * The largest patch that a device can hold, for those who asked for a larger one.
 *
 * @module
 */

import type { Triple } from "../../tensor/shape.ts";
import { strideOf } from "../unet_shape.ts";
import type { CostOfSettings, PlannedSettings } from "./planned_settings.ts";

/**
 * The largest patch of about the same proportions whose step takes at most `limit` bytes; nothing where even the
 * smallest that the network takes does not fit.
 *
 * @param settings of which the patch is too large
 */
export async function largestPatch(
  settings: PlannedSettings,
  costOf: CostOfSettings,
  limit: number,
): Promise<[number, number, number] | undefined> {
  const { patch, levels } = settings, stride = strideOf({ levels });
  const cells = patch.map((n, axis) => n / stride[axis]!);
  const longest = Math.max(...cells);
  const patchOf = (length: number) =>
    cells.map((n, axis) => {
      const least = Math.min(n, stride[axis] === 1 ? 1 : 2);
      return stride[axis]! * Math.max(least, Math.round(n * length / longest));
    }) as [number, number, number];
  let fitting: [number, number, number] | undefined;
  // Memory grows with the patch, so the largest length that fits is found by halving.
  for (let [low, high] = [1, longest - 1]; low <= high;) {
    const length = Math.floor((low + high) / 2), smaller = patchOf(length);
    const { peakBytes } = await costOf({ ...settings, patch: smaller });
    if (peakBytes <= limit) {
      fitting = smaller;
      low = length + 1;
    } else high = length - 1;
  }
  return fitting;
}

/** What to do about a step that does not fit, naming the largest patch that does. */
export function fixOf(largest: Triple | undefined, { preset, batch }: PlannedSettings): string {
  const otherwise = batch > 1 ? "a smaller batch or preset" : "a smaller preset";
  return largest
    ? `The largest patch that fits is ${largest.join(",")}; or choose ${otherwise}.`
    : `No patch fits with ${batch} patches a step of ${preset}: choose ${otherwise}.`;
}
