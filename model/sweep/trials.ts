/**
 * Settings that an optimiser outside proposes. It asks with a list of trials, and is told a value for each (see
 * `trial_results.ts`); what to propose next is its affair.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { z } from "../deps.ts";

/** Settings that are tried. */
export interface Trial {
  /** The optimiser's name for it. */
  readonly id: string;
  /** Values by setting, such as `learningRate` or `settings.cscWeight`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const schema = z.array(z.strictObject({
  id: z.union([z.string().min(1), z.int().nonnegative()]).transform(String),
  settings: z.record(z.string(), z.unknown()),
})).nonempty();

/**
 * Checks a list of trials.
 *
 * @param where what to name in errors
 * @throws {CodedError} `sweep.trials` with the place of the first problem
 */
export function parseTrials(value: unknown, where: string): Trial[] {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError("sweep.trials", `${where}: ${issue!.path.map(String).join(".")}: ${issue!.message}`, {
    fix: 'Write a list such as [{ "id": "7", "settings": { "learningRate": 0.001 } }].',
  });
}
