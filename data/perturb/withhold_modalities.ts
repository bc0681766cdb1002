/**
 * Leaves modalities out, to study what a network does without them.
 *
 * @module
 */

import {
  type Case,
  type Dataset,
  type LabelledCase,
  labelledCase,
  modalitiesOf,
  recordOf,
} from "../dataset.ts";
import { DataError } from "../errors.ts";
import type { Volume } from "../volume.ts";

/**
 * The same data set with the images of some modalities only. It still lists all modalities, so that a network
 * made for all finds each at its place; cases that have none of the given ones are left out.
 *
 * @param given ids of the modalities that stay
 * @throws {DataError} `config.modality` for an unknown modality or none at all
 *
 * @example
 * ```ts
 * import { makePhantom } from "../phantom.ts";
 * import { withholdModalities } from "./withhold_modalities.ts";
 * import assert from "node:assert/strict";
 *
 * const phantom = makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
 * const ctOnly = withholdModalities(phantom, ["ct"]);
 * assert.equal((await ctOnly.loadImages(ctOnly.cases[0]!)).length, 1);
 * ```
 */
export function withholdModalities(dataset: Dataset, given: readonly string[]): Dataset {
  const ids = dataset.modalities.map(({ id }) => id);
  if (given.length === 0 || !given.every((id) => ids.includes(id))) {
    throw new DataError(
      "config.modality",
      `given [${given.join(", ")}]; the data set has ${ids.join(", ")}`,
      {
        fix: "Name at least one of its modalities.",
      },
    );
  }
  const cases = dataset.cases.flatMap((of): Case[] => {
    const images = Object.entries(of.images).filter(([id]) => given.includes(id));
    return images.length === 0 ? [] : [{ ...of, images: recordOf(images) }];
  });
  return {
    ...dataset,
    name: `${dataset.name} (${given.join(", ")} only)`,
    cases,
    source: { kind: "withheld", base: dataset.source, options: given },
    // The labels of the whole case: a map that all images share may lie on the grid of one that is left out.
    loadLabels: async (of: LabelledCase): Promise<Volume<Uint8Array>[]> => {
      const whole = labelledCase(dataset, of.id), labels = await dataset.loadLabels(whole);
      const kept = new Set(Object.keys(of.images));
      return modalitiesOf(dataset, whole).flatMap(({ id }, at) => kept.has(id) ? [labels[at]!] : []);
    },
  };
}
