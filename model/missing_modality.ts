/**
 * What stands in the fusion for a modality whose image is missing.
 *
 * @module
 */

import { Tensor } from "../tensor/tensor.ts";

/**
 * - `"mean"`: the mean features of the modalities that are there.
 * - `"duplicate"`: the features of the first that is there; with one image of two the same as the mean.
 * - `"zero"`: zeros.
 * - `"token"`: a vector that was learned for the modality, at every voxel; it is learned only when modalities are
 *   left out in training.
 * - `"bypass"`: there is no fusion; every modality is segmented by its own features.
 */
export type MissingModality = "mean" | "duplicate" | "zero" | "token" | "bypass";

/** All strategies. */
export const missingModalities: readonly MissingModality[] = ["mean", "duplicate", "zero", "token", "bypass"];

/**
 * Fills the places of absent modalities.
 *
 * @param features of each modality, `[N,C,D,H,W]`, at least one present
 * @param tokens `[M,C,1,1,1]`, for `"token"`
 * @returns one a modality; none for `"bypass"` when a modality is absent
 */
export function fillMissing(
  features: readonly (Tensor | null)[],
  strategy: MissingModality,
  tokens: Tensor | null,
): Tensor[] | null {
  const present = features.filter((x) => x !== null);
  if (present.length === features.length) return present;
  if (strategy === "bypass") return null;
  const substitute = substitutes[strategy];
  return features.map((x, m) => x ?? substitute(present, tokens, m));
}

type Substitute = (present: readonly Tensor[], tokens: Tensor | null, m: number) => Tensor;

const substitutes: Readonly<Record<Exclude<MissingModality, "bypass">, Substitute>> = {
  mean: (present) => present.reduce((sum, x) => sum.add(x)).div(present.length),
  duplicate: ([first]) => first!,
  zero: ([first]) => Tensor.zeros(first!.device, first!.shape),
  token: ([first], tokens, m) => Tensor.zeros(first!.device, first!.shape).add(tokens!.narrow(0, m, 1)),
};
