/** What the benchmark must know before it starts. */

import { fileURLToPath } from "node:url";
import type { WorkloadName } from "./names.ts";

/** Machine and workloads. */
export interface Facts {
  /** Processor, memory, runtime, adapter. */
  readonly machine: string;
  /** Floating-point operations of a run of each workload asked for. */
  readonly operations: Readonly<Partial<Record<WorkloadName, number>>>;
}

/**
 * Asks a process of its own. This one has to stay small: on Linux the most memory of a process counts from the
 * size of the one that started it.
 */
export async function readFacts(names: readonly WorkloadName[]): Promise<Facts> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-lock",
      "--allow-sys=cpus,systemMemoryInfo",
      fileURLToPath(new URL("./facts.ts", import.meta.url)),
      ...names,
    ],
  }).output();
  if (!success) throw new Error(`facts.ts failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
