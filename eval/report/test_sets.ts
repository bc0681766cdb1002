import type { RunResults } from "./run_results.ts";

/** Runs that were tested on the same cases of the same data set: only these can share a table. */
export interface TestSet {
  /** Data set and number of cases, as a heading. */
  readonly name: string;
  /** The runs. */
  readonly runs: readonly RunResults[];
}

/**
 * Sorts runs by what they were tested on: the data set (name, classes; for a phantom its settings), the ids of the test
 * cases and, where `split.json` has them, the hashes of their images and labels. Runs on some of the modalities share a
 * set with runs on all, as long as the files of those they share are the same.
 */
export function testSets(runs: readonly RunResults[]): TestSet[] {
  const sets: RunResults[][] = [];
  for (const run of runs) {
    const known = sets.find((set) => set.every((other) => testedAlike(run, other)));
    if (known) known.push(run);
    else sets.push([run]);
  }
  const all = sets.map((own) => ({ name: nameOf(own[0]!), runs: own }));
  const doubled = (name: string): boolean => all.filter((set) => set.name === name).length > 1;
  return all.map((set) =>
    doubled(set.name) ? { ...set, name: `${set.name} (${set.runs.map((run) => run.name).join(", ")})` } : set
  );
}

function testedAlike(a: RunResults, b: RunResults): boolean {
  const ids = testIds(a);
  if (dataKey(a) !== dataKey(b) || JSON.stringify(ids) !== JSON.stringify(testIds(b))) return false;
  return ["files", "labelFiles"].every((kind) => {
    const [left, right] = [entries(a.split[kind]), entries(b.split[kind])];
    return ids.every((id) => {
      const other = entries(right.get(id));
      return [...entries(left.get(id))].every(([modality, hash]) =>
        !other.has(modality) || other.get(modality) === hash
      );
    });
  });
}

function testIds({ records }: RunResults): string[] {
  return [...new Set(records.map((r) => r.case))].sort();
}

/** What the test cases are of: a data set, but for its modalities, and for a misalignment that spares them. */
function dataKey(run: RunResults): string {
  const tested = testIds(run);
  return JSON.stringify(run.config.dataset, (key, value) => {
    if (key === "modalities") return undefined;
    let shown = value;
    while (key === "source" && shown?.kind === "misaligned" && spares(shown, tested)) shown = shown.base;
    return shown;
  });
}

/** Whether a misalignment moves none of some cases. */
function spares({ options }: { options?: { cases?: readonly string[] } }, ids: readonly string[]): boolean {
  const moved = options?.cases;
  return moved !== undefined && !ids.some((id) => moved.includes(id));
}

function entries(value: unknown): Map<string, unknown> {
  return new Map(Object.entries(value ?? {}));
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
