/**
 * Times the CPU device and, where it is installed and may be run, PyTorch, in turns: each repetition of one
 * is followed by one of the other, so that both meet the same load. Prints a Markdown table; writes it and
 * the numbers to `.bench/`.
 *
 * `deno task bench [--threads N] [--repetitions N] [--only TEXT] [--step-growth]`
 */

import { parseArgs } from "node:util";
import { openDevice } from "../../tensor/open_device.ts";
import { median, timed, type Times } from "./measure.ts";
import { TorchPeer } from "./torch_peer.ts";
import { unetStep, type Workload, workloads } from "./workloads.ts";

interface Row {
  readonly workload: string;
  readonly operations: number | undefined;
  readonly firstMs: number;
  readonly peakMiB: number;
  readonly ours: Times;
  readonly torch: Times | null;
}

async function measure(
  workload: Workload,
  { threads, repetitions, torch }: { threads: number; repetitions: number; torch: TorchPeer | undefined },
): Promise<Row> {
  using device = await openDevice("cpu", { threads });
  const run = workload.prepare(device);
  const first = await timed(run);
  const warmUp = 3;
  const ours: Times[] = [], theirs: Times[] = [];
  for (let i = 0; i < warmUp + repetitions; i++) {
    const mine = await timed(run);
    const other = await torch?.run(workload.name);
    if (i < warmUp) continue;
    ours.push(mine);
    if (other) theirs.push(other);
  }
  return {
    workload: workload.name,
    operations: workload.operations,
    firstMs: first.wall,
    peakMiB: device.stats().peakBytes / 2 ** 20,
    ours: median(ours),
    torch: theirs.length > 0 ? median(theirs) : null,
  };
}

function table(rows: readonly Row[]): string {
  const header = [
    "workload",
    "ours ms",
    "PyTorch ms",
    "speed ×",
    "ours processor ms",
    "PyTorch processor ms",
    "GFLOP/s",
    "GFLOP per processor s",
    "first ms",
    "peak MiB",
  ];
  const lines = rows.map(({ workload, operations, firstMs, peakMiB, ours, torch }) => [
    workload,
    ours.wall.toFixed(1),
    torch ? torch.wall.toFixed(1) : "–",
    torch ? (torch.wall / ours.wall).toFixed(2) : "–",
    ours.processor.toFixed(1),
    torch ? torch.processor.toFixed(1) : "–",
    operations ? (operations / ours.wall / 1e6).toFixed(1) : "–",
    operations ? (operations / ours.processor / 1e6).toFixed(1) : "–",
    firstMs.toFixed(0),
    peakMiB.toFixed(0),
  ]);
  return [header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Peak memory and time of a step against the patch's volume. */
async function stepGrowth(threads: number): Promise<string> {
  const lines = [
    "| patch | voxels | peak MiB | bytes a voxel | step ms |",
    "| --- | --- | --- | --- | --- |",
  ];
  for (const size of [16, 24, 32, 48]) {
    const row = await measure(unetStep([8, 16, 32], size), { threads, repetitions: 5, torch: undefined });
    const voxels = 2 * size ** 3;
    const perVoxel = row.peakMiB * 2 ** 20 / voxels;
    lines.push(
      `| ${size}³ | ${voxels} | ${row.peakMiB.toFixed(1)} | ${perVoxel.toFixed(0)} | ${
        row.ours.wall.toFixed(1)
      } |`,
    );
  }
  return lines.join("\n");
}

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    threads: { type: "string", default: `${navigator.hardwareConcurrency}` },
    repetitions: { type: "string", default: "7" },
    only: { type: "string", default: "" },
    "step-growth": { type: "boolean", default: false },
  },
});
const threads = Number(options.threads);
const torch = await TorchPeer.start(threads);
const machine =
  `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ` +
  `V8 ${Deno.version.v8}; ${threads} thread(s); ` +
  (torch ? `PyTorch ${torch.version}` : "PyTorch not measured (not installed, or no --allow-run)");
console.log(`${machine}\n`);
const rows: Row[] = [];
for (const workload of workloads) {
  if (!workload.name.includes(options.only)) continue;
  const row = await measure(workload, {
    threads,
    repetitions: Number(options.repetitions),
    torch: torch?.peer,
  });
  rows.push(row);
  console.error(table([row]).split("\n").at(-1));
}
let text = `${table(rows)}\n`;
if (options["step-growth"]) text += `\n${await stepGrowth(threads)}\n`;
torch?.peer[Symbol.dispose]();
console.log(text);
await Deno.mkdir(".bench", { recursive: true });
await Deno.writeTextFile(".bench/bench.md", `${machine}\n\n${text}`);
await Deno.writeTextFile(".bench/bench.json", JSON.stringify({ machine, rows }, null, 2));
