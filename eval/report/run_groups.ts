import { EvalError } from "../errors.ts";
import type { RunCosts } from "../tables/costs.ts";
import { percent } from "../tables/percent.ts";
import { average } from "../statistics/summarise.ts";
import type { RunResults } from "./run_results.ts";

/** Runs of one method and label ratio: seeds of one another. */
export interface RunGroup {
  /** Method and label ratio. */
  readonly name: string;
  /** The runs. */
  readonly runs: readonly RunResults[];
}

/**
 * Groups runs that differ in their seed only.
 *
 * @throws {EvalError} `report.runs` for two runs of one method, label ratio and seed
 */
export function groupRuns(runs: readonly RunResults[]): RunGroup[] {
  const groups = new Map<string, RunResults[]>(), seen = new Map<string, string>();
  for (const run of runs) {
    const { name, method, label_ratio, seed } = run;
    const key = JSON.stringify([method, label_ratio]), full = JSON.stringify([method, label_ratio, seed]);
    const other = seen.get(full);
    if (other !== undefined) {
      throw new EvalError(
        "report.runs",
        `${other} and ${name} are both ${method} at ${
          percent(label_ratio)
        } labels, seed ${seed}, with the same test cases`,
        { fix: "Report runs that differ in method, label ratio or seed." },
      );
    }
    seen.set(full, name);
    const group = groups.get(key);
    if (group) group.push(run);
    else groups.set(key, [run]);
  }
  return [...groups.values()].map((own) => ({
    name: `${own[0]!.method}, ${percent(own[0]!.label_ratio)} labels`,
    runs: own,
  }));
}

/** The mean of each cost over those that measured it. */
export function meanCosts(costs: readonly RunCosts[]): RunCosts {
  const mean = (key: keyof RunCosts): number | null =>
    average(costs.map((of) => of[key]).filter((value) => value !== null));
  return {
    parameters: mean("parameters"),
    multiply_adds: mean("multiply_adds"),
    peak_bytes: mean("peak_bytes"),
    train_seconds: mean("train_seconds"),
    inference_ms: mean("inference_ms"),
  };
}

/** Mean costs of each method over its runs. */
export function costsByMethod(runs: readonly RunResults[]): Map<string, RunCosts> {
  const byMethod = Map.groupBy(runs, (run) => run.method);
  return new Map([...byMethod].map(([method, own]) => [method, meanCosts(own.map((run) => run.costs))]));
}
