/**
 * What is odd about the shapes of a data set's images taken together.
 *
 * @module
 */

import type { Triple } from "./affine.ts";
import type { DataWarning } from "./errors.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { listed } from "./listed.ts";
import { type Direction, directionOf, throughPlaneAxis } from "./orientation.ts";
import type { SurveyedCase } from "./prepare/choose.ts";
import type { Grid } from "./volume.ts";

/** An image of a data set. */
export interface SurveyedImage {
  /** Names it in messages. */
  readonly what: string;
  /** Where its voxels lie, `[D,H,W]` as stored. */
  readonly grid: Grid;
  /** Share of its voxels that show the patient. */
  readonly foreground: number;
}

/** Voxels longer than this many times their width are thick slices, which a network sees as stretched. */
const thickRatio = 3;
/** Images with fewer voxels along an axis cannot be pooled along it. */
const fewest = 4;
/** Images with a smaller share of patient are nearly all background. */
const leastForeground = 0.02;

/**
 * Warnings about stacks that run in different directions, thick slices, thin volumes, images without content, and
 * volumes smaller than a patch.
 *
 * @param patch voxels along D, H and W that a network is to be trained on, if that is known
 */
export function surveyWarnings(images: readonly SurveyedImage[], patch?: Triple): DataWarning[] {
  const warnings: DataWarning[] = [];
  const count = (code: string, found: readonly SurveyedImage[], say: (names: string) => string) => {
    if (found.length > 0) warnings.push({ code, message: say(listed(found.map(({ what }) => what))) });
  };
  const of = (found: readonly SurveyedImage[]) => `${found.length} of ${images.length} images`;

  const stacks = new Map<Direction, SurveyedImage[]>();
  for (const image of images) {
    const axis = throughPlaneAxis(image.grid.spacing);
    if (axis === undefined) continue;
    const direction = directionOf(image.grid.affine, axis);
    stacks.set(direction, [...stacks.get(direction) ?? [], image]);
  }
  if (stacks.size > 1) {
    const parts = [...stacks].map(([direction, found]) =>
      `${found.length} along ${direction} (${found[0]!.what} …)`
    );
    warnings.push({
      code: "geometry.through-plane",
      message: `the slices of the images are stacked in different directions: ${parts.join(", ")}`,
    });
  }
  const thick = images.filter(({ grid: { spacing } }) => ratio(spacing) > thickRatio);
  const thickest = Math.max(...thick.map(({ grid }) => ratio(grid.spacing)));
  count(
    "geometry.thick",
    thick,
    (names) =>
      `${of(thick)} have voxels more than ${thickRatio} times as long as wide, up to ${
        thickest.toFixed(1)
      }: ${names}`,
  );
  const thin = images.filter(({ grid: { shape } }) => Math.min(...shape) < fewest);
  count(
    "geometry.thin",
    thin,
    (names) =>
      `${of(thin)} have fewer than ${fewest} voxels along an axis, too few to pool along it: ${names}`,
  );
  const empty = images.filter(({ foreground }) => foreground < leastForeground);
  count(
    "data.background",
    empty,
    (names) =>
      `${of(empty)} are background in more than ${100 * (1 - leastForeground)} % of their voxels: ${names}`,
  );
  if (patch !== undefined) {
    const small = images.filter(({ grid: { shape } }) => patch.some((side, axis) => shape[axis]! < side));
    if (small.length > images.length / 2) {
      count(
        "geometry.patch",
        small,
        (names) =>
          `${of(small)} are smaller than the patch of ${patch.join("×")} and will be padded: ${names}`,
      );
    }
  }
  return warnings;
}

/** As {@link surveyWarnings}, for a data set of which the numbers and the geometry are known already. */
export function fingerprintWarnings(
  { each }: Pick<Fingerprint, "each">,
  survey: readonly SurveyedCase[],
): DataWarning[] {
  return surveyWarnings(each.flatMap(({ id, images }, at) =>
    images.map(({ modality, foreground }, i) => ({
      what: `case ${id} (${modality})`,
      grid: survey[at]!.images[i]!,
      foreground,
    }))
  ));
}

function ratio(spacing: Triple): number {
  return Math.max(...spacing) / Math.min(...spacing);
}
