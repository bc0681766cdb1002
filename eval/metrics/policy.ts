import { EvalError } from "../errors.ts";

/** The choices behind the numbers; they travel with them into every caption. */
export interface EvaluationPolicy {
  /** Tolerance of the normalised surface Dice, in mm. */
  readonly nsdToleranceMm: number;
  /**
   * What a surface distance is when only one of the two volumes holds the class: the diagonal of the image
   * in mm, so that a miss costs more than any find, or undefined.
   */
  readonly missDistance: "diagonal" | "undefined";
}

/** The policy used when none is given: NSD at 2 mm, a miss costs the image diagonal. */
export const defaultPolicy: EvaluationPolicy = { nsdToleranceMm: 2, missDistance: "diagonal" };

/** A full policy from the choices given. @throws {EvalError} `eval.policy` when the tolerance is not ≥ 0 */
export function resolvePolicy(given: Partial<EvaluationPolicy> = {}): EvaluationPolicy {
  const policy = { ...defaultPolicy, ...given };
  if (!(policy.nsdToleranceMm >= 0 && Number.isFinite(policy.nsdToleranceMm))) {
    throw new EvalError("eval.policy", `the tolerance of NSD is ${policy.nsdToleranceMm} mm; expected ≥ 0`, {
      fix: "Give a tolerance in mm, such as 2.",
    });
  }
  return policy;
}
