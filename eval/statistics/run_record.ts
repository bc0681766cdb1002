import type { CaseRecord } from "../metrics/case_record.ts";

/** A record with the run it comes from, to compare runs. */
export interface RunRecord extends CaseRecord {
  /** Name of the run. */
  readonly run: string;
  /** Method, such as `cmc` or `supervised`. */
  readonly method: string;
  /** Share of the training subjects that had labels. */
  readonly label_ratio: number;
  /** Seed of the run. */
  readonly seed: number;
  /** How many cases had labels, where that is known. */
  readonly labelled?: number;
}

/** Names the run in each of its records. */
export function tagRecords(
  records: readonly CaseRecord[],
  { run, method, label_ratio, seed, labelled }: Pick<
    RunRecord,
    "run" | "method" | "label_ratio" | "seed" | "labelled"
  >,
): RunRecord[] {
  const known = labelled === undefined ? {} : { labelled };
  return records.map((record) => ({ run, method, label_ratio, seed, ...known, ...record }));
}
