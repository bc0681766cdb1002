/** Where the time of a workload goes: time and count of each op. CPU device only, which can be waited for in a call. */

import { CountingDevice } from "../../tensor/counting_device.ts";
import { openDevice } from "../../tensor/open_device.ts";
import { timed } from "./measure.ts";
import { markdownTable, short } from "./table.ts";
import type { Prepare } from "./workloads.ts";

interface OpTime {
  calls: number;
  ms: number;
  operations: number;
}

/** A table of the ops of a run, means of some runs after two, the slowest first. */
export async function breakdown(prepare: Prepare, threads: number, repetitions: number): Promise<string> {
  using device = await openDevice("cpu", { threads });
  using counting = new CountingDevice();
  const ops = new Map<string, OpTime>();
  const run = device.run.bind(device);
  device.run = (op, inputs, outputs, attributes) => {
    const start = performance.now(), before = counting.multiplyAdds;
    run(op, inputs, outputs, attributes);
    device.flush(); // waits in the call
    const ms = performance.now() - start;
    counting.run(op, inputs, outputs);
    const entry = ops.get(op.name) ?? { calls: 0, ms: 0, operations: 0 };
    entry.calls++;
    entry.ms += ms;
    entry.operations += 2 * (counting.multiplyAdds - before);
    ops.set(op.name, entry);
  };
  const once = prepare(device);
  for (let i = 0; i < 2; i++) await once();
  ops.clear();
  let total = 0;
  for (let i = 0; i < repetitions; i++) total += (await timed(once)).wall;
  const line = (name: string, { calls, ms, operations }: OpTime) => [
    name,
    calls === 0 ? "" : (calls / repetitions).toFixed(0),
    short(ms / repetitions),
    `${(100 * ms / total).toFixed(1)} %`,
    operations > 0 ? short(operations / ms / 1e6) : "",
  ];
  const inOps = [...ops.values()].reduce((sum, { ms }) => sum + ms, 0);
  return markdownTable(["op", "calls", "ms", "share", "GFLOP/s"], [
    ...[...ops].sort(([, a], [, b]) => b.ms - a.ms).map(([name, entry]) => line(name, entry)),
    line("outside of kernels", { calls: 0, ms: total - inOps, operations: 0 }),
    line("all", { calls: 0, ms: total, operations: 0 }),
  ]);
}
