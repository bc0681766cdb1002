import type { RunResults } from "./run_results.ts";

/** Runs that were tested on the same cases of the same data set: only these can share a table. */
export interface TestSet {
  /** Data set and number of cases, as a heading. */
  readonly name: string;
  /** The runs. */
  readonly runs: readonly RunResults[];
}

/**
 * Sorts runs by what they were tested on: data set (name, modalities, classes; for a phantom all its settings), ids
 * of the test cases and, where `split.json` has them, the hashes of their files.
 */
export function testSets(runs: readonly RunResults[]): TestSet[] {
  const sets = new Map<string, RunResults[]>();
  for (const run of runs) {
    const key = testKey(run), known = sets.get(key);
    if (known) known.push(run);
    else sets.set(key, [run]);
  }
  const all = [...sets.values()].map((own) => ({ name: nameOf(own[0]!), runs: own }));
  const doubled = (name: string): boolean => all.filter((set) => set.name === name).length > 1;
  return all.map((set) =>
    doubled(set.name) ? { ...set, name: `${set.name} (${set.runs.map((run) => run.name).join(", ")})` } : set
  );
}

function testKey({ config, split, records }: RunResults): string {
  const ids = [...new Set(records.map((r) => r.case))].sort();
  const files = split.files as Readonly<Record<string, unknown>> | undefined;
  return JSON.stringify([
    config.dataset,
    ids.map((id) => [id, files !== undefined && Object.hasOwn(files, id) ? files[id] : null]),
  ]);
}

function nameOf({ config, records }: RunResults): string {
  const { name = "data set", source } = (config.dataset ?? {}) as {
    name?: string;
    source?: { options?: { seed?: number } };
  };
  const cases = new Set(records.map((r) => r.case)).size;
  const seed = source?.options?.seed;
  return `${name}${seed === undefined ? "" : `, seed ${seed}`}, ${cases} test ${
    cases === 1 ? "case" : "cases"
  }`;
}
