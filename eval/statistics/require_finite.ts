import { EvalError } from "../errors.ts";

/** Refuses NaN and infinity, and an empty list. */
export function requireFinite(test: string, values: readonly number[]): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (values.length === 0 || bad >= 0) {
    throw new EvalError(
      "eval.statistics",
      values.length === 0 ? `${test}: there are no values` : `${test}: value ${bad} is ${values[bad]}`,
      { fix: "Leave undefined numbers out before testing, and say how many." },
    );
  }
}
