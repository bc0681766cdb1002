import { type LabelClass, type LabelGrid, pairLabels } from "./label_grid.ts";

/** Voxels by reference and predicted class. */
export interface Confusion {
  /** Names of the classes, background first. */
  readonly names: readonly string[];
  /** `counts[reference][predicted]`, in voxels. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * Counts voxels by reference class and predicted class, background included.
 *
 * @throws {EvalError} when the volumes do not share a grid or hold values outside the class list
 */
export function confusion(
  prediction: LabelGrid,
  reference: LabelGrid,
  classes: readonly LabelClass[],
): Confusion {
  const pair = pairLabels("confusion matrix", prediction, reference, classes);
  const size = classes.length + 1, flat = new Float64Array(size * size);
  for (let i = 0; i < pair.reference.length; i++) flat[pair.reference[i]! * size + pair.prediction[i]!]!++;
  return {
    names: ["background", ...classes.map((c) => c.name)],
    counts: Array.from({ length: size }, (_, r) => [...flat.subarray(r * size, (r + 1) * size)]),
  };
}

/** The sum of confusions over the same classes. */
export function addConfusions(all: readonly [Confusion, ...Confusion[]]): Confusion {
  return {
    names: all[0].names,
    counts: all[0].counts.map((row, r) =>
      row.map((_, p) => all.reduce((sum, c) => sum + c.counts[r]![p]!, 0))
    ),
  };
}
