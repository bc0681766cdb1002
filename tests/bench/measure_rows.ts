/** All rows of the benchmark. */

import { measureRow, type Outcome, type Setting } from "./measure_row.ts";
import type { WorkloadName } from "./names.ts";
import { installation, type Program } from "./programs.ts";
import type { Facts } from "./read_facts.ts";
import type { Row } from "./report.ts";

/** Measures rows until the last, or until time is up; a peer that is not installed is asked once only. */
export async function measureRows(
  names: readonly WorkloadName[],
  operations: Facts["operations"],
  programs: readonly Program[],
  setting: Setting & { readonly minutes?: number },
): Promise<Row[]> {
  const end = performance.now() + 60_000 * (setting.minutes ?? Infinity);
  const missing = new Map<string, Outcome>();
  const rows: Row[] = [];
  for (const workload of names) {
    const count = operations[workload]!;
    if (performance.now() > end) {
      const refused = `time was up after ${setting.minutes} minutes`;
      rows.push({ workload, operations: count, outcomes: { ours: { refused } } });
      continue;
    }
    const present = programs.filter((program) => !missing.has(program.name));
    const outcomes = await measureRow(workload, count, present, setting);
    for (const [name, outcome] of outcomes) {
      if ("refused" in outcome && outcome.refused.startsWith("not installed")) missing.set(name, outcome);
    }
    const row = {
      workload,
      operations: count,
      outcomes: Object.fromEntries([...missing, ...outcomes]),
    };
    rows.push(row);
    console.error(
      `${workload}: ${
        present.map(({ name }) => {
          const outcome = outcomes.get(name)!;
          return `${name} ${"refused" in outcome ? outcome.refused : `${outcome.wall.toFixed(1)} ms`}`;
        }).join(", ")
      }`,
    );
  }
  const absent = programs.filter((program) => missing.has(program.name) && program.packages.length > 0);
  if (absent.length > 0) console.error(`To install the peers that are missing:\n${installation(absent)}`);
  return rows;
}
