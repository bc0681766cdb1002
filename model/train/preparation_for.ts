/**
 * How the cases of a training are prepared when nobody says.
 *
 * @module
 */

import { type Case, caseOf, type Dataset, withoutLabels } from "../../data/dataset.ts";
import { choosePreparation, type PreparationChoices } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import type { Split } from "../../data/split.ts";

/** The cases to train on, with the labels that the split says are used. */
export function trainingCases(
  dataset: Dataset,
  { labelled, unlabelled }: Pick<Split, "labelled" | "unlabelled">,
): Case[] {
  return [
    ...labelled.map((id) => caseOf(dataset, id)),
    ...unlabelled.map((id) => withoutLabels(caseOf(dataset, id))),
  ];
}

/** The preparation that the training cases of a split call for. */
export async function preparationFor(
  { dataset, split }: { readonly dataset: Dataset; readonly split: Pick<Split, "labelled" | "unlabelled"> },
  choices: PreparationChoices = {},
): Promise<Preparation> {
  const { preparation } = await choosePreparation(dataset, choices, trainingCases(dataset, split));
  return preparation;
}
