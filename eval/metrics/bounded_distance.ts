import { EvalError } from "../errors.ts";

/**
 * A mean or percentile of distances, handed through when it can be one: from 0 to the largest of them.
 *
 * @param operands what the mean was computed from, for the error
 * @throws {EvalError} `eval.internal` when it is not, with all operands: the machine or the program computed wrongly
 */
export function boundedDistance(
  what: string,
  value: number,
  largest: number,
  operands: () => Readonly<Record<string, number>>,
): number {
  // Sums of many terms are rounded; a relative 1e-9 is far above that.
  if (value >= 0 && value <= largest * (1 + 1e-9)) return value;
  const shown = Object.entries(operands()).map(([name, given]) => `${name} ${given}`);
  throw new EvalError(
    "eval.internal",
    `${what}: a mean or percentile of distances is ${value} mm, the largest of them ${largest} mm (${
      shown.join(", ")
    })`,
    {
      fix:
        "This is a fault of the program or of this computer, not of your data: run it again, and report this line.",
    },
  );
}
