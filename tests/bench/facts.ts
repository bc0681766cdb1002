/** Prints the machine and the operations of workloads: `facts.ts WORKLOAD…`. See {@link readFacts} for why. */

import { machine } from "./machine.ts";
import type { WorkloadName } from "./names.ts";
import { operationsOf, workloads } from "./workloads.ts";

const operations: Record<string, number> = {};
for (const name of Deno.args as WorkloadName[]) operations[name] = await operationsOf(workloads[name]);
console.log(JSON.stringify({ machine: await machine(), operations }));
