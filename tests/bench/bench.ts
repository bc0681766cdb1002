/**
 * The benchmark. Prints Markdown and writes it, the numbers and the plots to `.bench/`. See README.md.
 *
 * ```sh
 * deno task bench [--device cpu|webgpu] [--only TEXT] [--peers NAME,…|none] [--threads N] [--repetitions N]
 * deno task bench --plots [--device cpu|webgpu]
 * deno task bench --breakdown TEXT
 * deno task bench --naive
 * ```
 */

import { parseArgs } from "node:util";
import { Expectations, type Setting } from "./measure_row.ts";
import { measureRows } from "./measure_rows.ts";
import { workloadNames } from "./names.ts";
import { peers, type Program } from "./programs.ts";
import { readFacts } from "./read_facts.ts";
import { report } from "./report.ts";

/** Ends with exit code 2, as all commands do on wrong usage. */
function refuse(problem: string): never {
  console.error(`error[usage]: ${problem}`);
  Deno.exit(2);
}

function readOptions() {
  try {
    return parseArgs({
      args: Deno.args,
      options: {
        device: { type: "string", default: "cpu" },
        only: { type: "string", default: "" },
        peers: { type: "string" },
        threads: { type: "string", default: `${navigator.hardwareConcurrency}` },
        repetitions: { type: "string", default: "7" },
        plots: { type: "boolean", default: false },
        breakdown: { type: "string" },
        naive: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const options = readOptions();
const device = options.device === "cpu" || options.device === "webgpu"
  ? options.device
  : refuse(`--device ${options.device}: expected cpu or webgpu`);

function count(name: "threads" | "repetitions"): number {
  const value = Number(options[name]);
  return Number.isInteger(value) && value > 0
    ? value
    : refuse(`--${name} ${options[name]}: expected a whole number`);
}

const [threads, repetitions] = [count("threads"), count("repetitions")];

function chosen(text: string) {
  const names = workloadNames.filter((name) => name.includes(text));
  return names.length > 0 ? names : refuse(`no workload has ${JSON.stringify(text)} in its name`);
}

function chosenPeers(): readonly Program[] {
  if (options.peers === "none") return [];
  if (options.peers === undefined) {
    return peers.filter((peer) => device === "cpu" || peer.device === "webgpu");
  }
  return options.peers.split(",").map((name) =>
    peers.find((peer) => peer.name === name) ??
      refuse(`--peers ${name}: known are ${peers.map((peer) => peer.name).join(", ")} and none`)
  );
}

/** Writes files to `.bench/` and prints the Markdown among them. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(".bench", { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`.bench/${name}`, text);
    if (name.endsWith(".md")) console.log(text);
  }
}

const tell = (line: string) => console.error(line);
const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
const isComparison = !options.naive && options.breakdown === undefined && !options.plots;
const { machine, operations } = await readFacts(isComparison ? chosen(options.only) : []);
tell(machine);
const heading = (title: string) => `# ${title}\n\n${machine}; ${threads} thread(s)\n\n`;

// The parts below are loaded when they are wanted, to keep this process small: see readFacts().
if (options.naive) {
  const { naiveComparison } = await import("./naive.ts");
  await write({ "naive.md": heading("WebGPU kernels against naive ones") + await naiveComparison(tell) });
} else if (options.breakdown !== undefined) {
  if (device !== "cpu") refuse("--breakdown: kernels are timed one by one on the CPU device only");
  const [{ breakdown }, { workloads }] = [await import("./breakdown.ts"), await import("./workloads.ts")];
  let text = heading("Time by op, CPU device");
  for (const name of chosen(options.breakdown)) {
    tell(name);
    text += `## ${name}\n\n${await breakdown(workloads[name], threads, repetitions)}\n\n`;
  }
  await write({ "breakdown.md": text });
} else if (options.plots) {
  const { measureScaling } = await import("./scaling.ts");
  const { scalingPlots, scalingTables } = await import("./scaling_plots.ts");
  const scaling = await measureScaling(device, threads, repetitions, tell);
  const plots = Object.entries(scalingPlots(scaling, device === "cpu" ? "CPU device" : "WebGPU device"));
  await write({
    ...Object.fromEntries(plots.map(([name, svg]) => [`${name}-${device}.svg`, svg])),
    [`scaling-${device}.md`]: heading(`Scaling, ${device}`) + scalingTables(scaling),
    [`scaling-${device}.json`]: json({ machine, threads, scaling }),
  });
} else {
  const limits = { limitMs: 60_000, budgetMs: 15_000 };
  const setting: Setting = { threads, repetitions, ...limits, expectations: new Expectations() };
  const rows = await measureRows(chosen(options.only), operations, device, chosenPeers(), setting);
  const programs = ["ours", ...chosenPeers().map((peer) => peer.name)];
  await write({
    [`bench-${device}.md`]: heading(`Benchmark, ${device}`) + report(rows, programs, repetitions),
    [`bench-${device}.json`]: json({ machine, device, threads, rows }),
  });
}
