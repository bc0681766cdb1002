/**
 * How the cases of a training are prepared when nobody says.
 *
 * @module
 */

import { caseOf, type Dataset, withoutLabels } from "../../data/dataset.ts";
import { choosePreparation, type PreparationChoices } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import type { Split } from "../../data/split.ts";

/** The preparation that the training cases of a split call for. */
export async function preparationFor(
  { dataset, split }: { readonly dataset: Dataset; readonly split: Pick<Split, "labelled" | "unlabelled"> },
  choices: PreparationChoices = {},
): Promise<Preparation> {
  const cases = [
    ...split.labelled.map((id) => caseOf(dataset, id)),
    ...split.unlabelled.map((id) => withoutLabels(caseOf(dataset, id))),
  ];
  const { preparation } = await choosePreparation(dataset, choices, cases);
  return preparation;
}
