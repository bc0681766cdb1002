/** The result of the benchmark as text. */

import type { Measurement, Outcome } from "./measure_row.ts";
import type { WorkloadName } from "./names.ts";
import { markdownTable, short } from "./table.ts";

/** A row of the result. */
export interface Row {
  readonly workload: WorkloadName;
  /** Floating-point operations of a run; 0 where they are not what takes the time. */
  readonly operations: number;
  /** By name of the program, ours first. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** A table of one number of every measurement; reasons of the others become footnotes. */
function tableOf(
  rows: readonly Row[],
  programs: readonly string[],
  cell: (measurement: Measurement, row: Row) => string,
): string {
  return markdownTable(
    ["workload", ...programs],
    rows.map((row) => [
      row.workload,
      ...programs.map((program) => {
        const outcome = row.outcomes[program];
        return !outcome || "refused" in outcome ? "–" : cell(outcome, row);
      }),
    ]),
  );
}

function time({ wall, repetitions }: Measurement, { operations }: Row): string {
  const mark = repetitions === 0 ? "‡" : repetitions < 5 ? "†" : "";
  return short(wall) + mark + (operations > 0 ? ` (${short(operations / wall / 1e6)})` : "");
}

/** Reasons for missing numbers, the same ones together. */
export function reasons(rows: readonly Row[], programs: readonly string[]): string {
  const found = new Map<string, string[]>();
  for (const { workload, outcomes } of rows) {
    for (const program of programs) {
      const outcome = outcomes[program];
      if (!outcome || !("refused" in outcome)) continue;
      const key = `${program}: ${outcome.refused}`;
      found.set(key, [...found.get(key) ?? [], workload]);
    }
  }
  return [...found].map(([key, workloads]) =>
    `- ${key}${workloads.length === rows.length ? "" : ` (${workloads.join("; ")})`}`
  ).join("\n");
}

/** How many times as fast as a peer ours is, and its fast mode; the last column takes the fastest library that trains. */
function speed(rows: readonly Row[], programs: readonly string[]): string {
  const peers = programs.filter((name) => !name.startsWith("ours"));
  const libraries = peers.filter((peer) => /^(jax|tensorflow)/.test(peer));
  const wallOf = (row: Row, name: string) => {
    const outcome = row.outcomes[name];
    return outcome && !("refused" in outcome) ? outcome.wall : Infinity;
  };
  const ratio = (row: Row, theirs: number) => {
    const [times, fast] = ["ours", "ours-fast"].map((name) => theirs / wallOf(row, name)) as [number, number];
    if (!(Number.isFinite(times) && times > 0)) return "–";
    return `${short(times)}×${fast > 0 ? ` (${short(fast)}×)` : ""}`;
  };
  return markdownTable(
    ["workload", ...peers, ...(libraries.length > 1 ? ["best of jax-js and TensorFlow.js"] : [])],
    rows.map((row) => [
      row.workload,
      ...peers.map((peer) => ratio(row, wallOf(row, peer))),
      ...(libraries.length > 1
        ? [ratio(row, Math.min(...libraries.map((library) => wallOf(row, library))))]
        : []),
    ]),
  );
}

/** All tables, with what the programs say they are. */
export function report(rows: readonly Row[], programs: readonly string[], repetitions: number): string {
  const peers = programs.filter((program) => !program.startsWith("ours"));
  const versions = programs.map((program) => {
    const outcome = rows.map((row) => row.outcomes[program]).find((o) => o && !("refused" in o));
    return `- ${program}: ${outcome && "version" in outcome ? outcome.version : "not measured"}`;
  });
  const sections = [
    versions.join("\n"),
    "## Time of a run\n\n" +
    `Milliseconds, median of ${repetitions} samples after a warm-up of 3 s (GFLOP/s); a sample is a run, ` +
    "or the mean of runs in a row that take 50 ms. † fewer than five samples, ‡ the first run only.",
    tableOf(rows, programs, time),
    peers.length > 0
      ? `## Times as fast as\n\nIn brackets the fast mode, where it was measured.\n\n${speed(rows, programs)}`
      : "",
    "## Time to the first result\n\nMilliseconds of the first run, compilation included.",
    tableOf(rows, programs, ({ firstMs }) => short(firstMs)),
    "## Processor time of a run\n\nMilliseconds of all cores together.",
    tableOf(rows, programs, ({ processor }) => short(processor)),
    "## Most memory\n\nMiB of the process, code and runtime included; ours in tensors alone in brackets.",
    tableOf(
      rows,
      programs,
      ({ residentMiB, tensorMiB }) =>
        short(residentMiB) + (tensorMiB === undefined ? "" : ` (${short(tensorMiB)})`),
    ),
    reasons(rows, programs) && `## Not measured\n\n${reasons(rows, programs)}`,
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}
