/**
 * The benchmark. Each program runs in a process of its own, in turns with the others. Prints Markdown tables and
 * writes them and all numbers to `.bench/`. See README.md.
 *
 * `deno task bench [--device cpu|webgpu] [--only TEXT] [--peers NAME,…|none] [--threads N] [--repetitions N]`
 */

import { parseArgs } from "node:util";
import { machine } from "./machine.ts";
import { Expectations, measureRow, type Outcome, type Setting } from "./measure_row.ts";
import { workloadNames } from "./names.ts";
import { installation, ours, peers, type Program } from "./programs.ts";
import { report, type Row } from "./report.ts";
import { operationsOf, workloads } from "./workloads.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    device: { type: "string", default: "cpu" },
    only: { type: "string", default: "" },
    peers: { type: "string" },
    threads: { type: "string", default: `${navigator.hardwareConcurrency}` },
    repetitions: { type: "string", default: "7" },
  },
});

/** Ends with exit code 2, as all commands do on wrong usage. */
function refuse(problem: string): never {
  console.error(`error[usage]: ${problem}`);
  Deno.exit(2);
}

function count(name: "threads" | "repetitions"): number {
  const value = Number(options[name]);
  return Number.isInteger(value) && value > 0
    ? value
    : refuse(`--${name} ${options[name]}: expected a whole number`);
}

function chosenPeers(device: "cpu" | "webgpu"): readonly Program[] {
  if (options.peers === "none") return [];
  if (options.peers === undefined) {
    return peers.filter((peer) => device === "cpu" || peer.device === "webgpu");
  }
  return options.peers.split(",").map((name) =>
    peers.find((peer) => peer.name === name) ??
      refuse(`--peers ${name}: known are ${peers.map((peer) => peer.name).join(", ")} and none`)
  );
}

/** Measures rows until the last; a peer that is not installed is asked once only. */
async function measureAll(device: "cpu" | "webgpu", setting: Setting): Promise<Row[]> {
  const programs = [ours(device), ...chosenPeers(device)];
  const missing = new Map<string, Outcome>();
  const rows: Row[] = [];
  for (const workload of workloadNames.filter((name) => name.includes(options.only))) {
    const operations = await operationsOf(workloads[workload]);
    const present = programs.filter((program) => !missing.has(program.name));
    const outcomes = await measureRow(workload, operations, present, setting);
    for (const [name, outcome] of outcomes) {
      if ("refused" in outcome && outcome.refused.startsWith("not installed")) missing.set(name, outcome);
    }
    const row = { workload, operations, outcomes: Object.fromEntries([...missing, ...outcomes]) };
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

const device = options.device === "cpu" || options.device === "webgpu"
  ? options.device
  : refuse(`--device ${options.device}: expected cpu or webgpu`);
const setting: Setting = {
  threads: count("threads"),
  repetitions: count("repetitions"),
  limitMs: 60_000,
  budgetMs: 15_000,
  expectations: new Expectations(),
};
const about = await machine();
console.error(about);
const rows = await measureAll(device, setting);
if (rows.length === 0) refuse(`--only ${options.only}: no workload has this in its name`);
const programs = ["ours", ...chosenPeers(device).map((peer) => peer.name)];
const text = `# Benchmark, ${device}, ${setting.threads} threads\n\n${about}\n\n${
  report(rows, programs, setting.repetitions)
}`;
console.log(text);
await Deno.mkdir(".bench", { recursive: true });
await Deno.writeTextFile(`.bench/bench-${device}.md`, text);
await Deno.writeTextFile(
  `.bench/bench-${device}.json`,
  JSON.stringify({ machine: about, device, threads: setting.threads, rows }, null, 2) + "\n",
);
