/**
 * Validation while training: the Dice that chooses the checkpoint, and what to say about it.
 *
 * @module
 */

import type { Dataset } from "../../data/dataset.ts";
import { type CaseRecord, type LogRow, summarise } from "../../eval/mod.ts";
import { evaluateCases, type Prediction } from "../inference/evaluate_cases.ts";
import type { Progress } from "./progress.ts";
import type { Training } from "./training.ts";

/** Rounds to what a 32-bit float holds, so that logs compare and stay short. */
export const short = (value: number): number => Number(value.toPrecision(7));

/** Dice below which a class counts as collapsed. */
const collapsed = 0.1;

/** Columns of the log: the mean Dice, and one a modality and class. */
function validationColumns(records: readonly CaseRecord[]): Record<string, number> {
  const { mean, groups } = summarise(records, { by: ["modality", "class_name"] });
  const columns: Record<string, number> = { val_dice: short(mean.dice!) };
  for (const { group, metrics } of groups) {
    if (metrics.dice.mean !== null) {
      columns[`val_dice_${group.modality}_${group.class_name}`] = short(metrics.dice.mean);
    }
  }
  return columns;
}

/**
 * Judges the predicting network on the validation cases, at least one of which must have a class.
 *
 * @returns columns for the log, `val_dice` first
 */
export async function validate(
  { segment, preparation }: Training,
  dataset: Dataset,
  ids: readonly string[],
  progress: Progress,
  seen?: (prediction: Prediction) => Promise<void>,
): Promise<Record<string, number> & { val_dice: number }> {
  const records = await evaluateCases(dataset, ids, segment, preparation, {
    ...(seen && { seen }),
    progress: (text, share) => progress.busy(`validation: ${text}`, share),
  });
  return validationColumns(records) as Record<string, number> & { val_dice: number };
}

/** Says which classes are not found at all. */
export function warnOfCollapse(columns: Readonly<Record<string, number>>, progress: Progress): void {
  const low = Object.entries(columns).filter(([name, dice]) => name !== "val_dice" && dice < collapsed);
  if (low.length === 0) return;
  const names = low.map(([name, dice]) =>
    `${name.replace("val_dice_", "").replace("_", " ")} ${dice.toFixed(3)}`
  );
  progress.note(
    `warning: validation Dice near 0 for ${names.join(", ")}. What may help: --learning-rate lower; ` +
      "--semi-supervised-from later, so that the labels are learned first; and, where there are few, more " +
      "--validation cases, since one case decides much",
  );
}

/** How many validations of a log came after the best one. */
export function validationsSinceBest(log: readonly LogRow[]): number {
  const dice = log.flatMap((row) => row.val_dice === undefined ? [] : [row.val_dice]);
  return dice.length === 0 ? 0 : dice.length - 1 - dice.indexOf(Math.max(...dice));
}

/** The steps after which to validate. */
export function stepsWithValidation(steps: number, validations: number): Set<number> {
  return new Set(Array.from({ length: validations }, (_, i) => Math.round(steps * (i + 1) / validations)));
}
