/** Our side in a process of its own: `ours.ts DEVICE THREADS WORKLOAD [queued]`. */

import { openDevice } from "../../tensor/open_device.ts";
import type { WorkloadName } from "./names.ts";
import { serve } from "./serve.ts";
import { workloads } from "./workloads.ts";

const [kind, threads, workload, queued] = Deno.args as ["cpu" | "webgpu", string, WorkloadName, "queued"?];

await serve(async () => {
  const device = await openDevice(kind, { threads: Number(threads) });
  return {
    version: device.description,
    run: workloads[workload](device),
    isQueued: queued !== undefined,
    tensorMiB: () => device.stats().peakBytes / 2 ** 20,
  };
});
