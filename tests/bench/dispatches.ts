/** What a workload asks of a GPU: launches of kernels by op, submissions and copies to the host. WebGPU only. */

import type { WebGpuDevice } from "../../tensor/webgpu/device.ts";
import { openDevice } from "../../tensor/open_device.ts";
import { markdownTable } from "./table.ts";
import type { Prepare } from "./workloads.ts";

/** Counts of one run. */
export interface Launches {
  /** For each op how often it ran and how many dispatches that took, most dispatches first. */
  readonly ops: readonly { readonly name: string; readonly calls: number; readonly dispatches: number }[];
  /** All dispatches. */
  readonly dispatches: number;
  /** Command buffers given to the GPU. */
  readonly submissions: number;
  /** Copies of a buffer to the host. */
  readonly reads: number;
}

/** Counts a run after one that compiled everything. */
export async function countLaunches(prepare: Prepare): Promise<Launches> {
  using device = await openDevice("webgpu") as WebGpuDevice;
  const once = prepare(device);
  await once();
  const ops = new Map<string, { calls: number; dispatches: number }>();
  const [run, read] = [device.run.bind(device), device.read.bind(device)];
  const submit = device.gpu.queue.submit.bind(device.gpu.queue);
  const count = { submissions: 0, reads: 0 };
  device.run = (op, inputs, outputs, attributes) => {
    const before = device.stats().dispatches;
    run(op, inputs, outputs, attributes);
    const entry = ops.get(op.name) ?? { calls: 0, dispatches: 0 };
    entry.calls++;
    entry.dispatches += device.stats().dispatches - before;
    ops.set(op.name, entry);
  };
  device.read = (buffer) => (count.reads++, read(buffer));
  device.gpu.queue.submit = (commands) => (count.submissions++, submit(commands));
  await once();
  const rows = [...ops].map(([name, entry]) => ({ name, ...entry }));
  return {
    ops: rows.sort((a, b) => b.dispatches - a.dispatches),
    dispatches: rows.reduce((sum, { dispatches }) => sum + dispatches, 0),
    ...count,
  };
}

/** The counts as a table. */
export function launchTable({ ops, dispatches, submissions, reads }: Launches): string {
  const calls = ops.reduce((sum, op) => sum + op.calls, 0);
  const table = markdownTable(["op", "calls", "dispatches"], [
    ...ops.map((op) => [op.name, `${op.calls}`, `${op.dispatches}`]),
    ["all", `${calls}`, `${dispatches}`],
  ]);
  return `${table}\n\n${submissions} submission(s), ${reads} read(s)`;
}
