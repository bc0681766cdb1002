/**
 * The benchmark. Prints Markdown and writes it, the numbers and the plots to `.bench/`, or where `--out` says. See README.md.
 *
 * ```sh
 * deno task bench --only conv3d --peers none
 * deno task bench --plots --device webgpu
 * deno task bench --help
 * ```
 */

import { join } from "node:path";
import {
  type Command,
  main,
  number,
  type Result,
  text,
  UsageError,
  type Values,
} from "../../examples/command.ts";
import { prepareOutputs } from "../../examples/outputs.ts";
import { Expectations, type Setting } from "./measure_row.ts";
import { measureRows } from "./measure_rows.ts";
import { workloadNames } from "./names.ts";
import { cudaPeers, ours, oursOnCard, peers, type Program } from "./programs.ts";
import { readFacts } from "./read_facts.ts";
import { report } from "./report.ts";

const command: Command = {
  name: "bench",
  summary: "Times kernels, training steps and inference, beside the peers that are installed.\n" +
    "One of --plots, --breakdown, --dispatches and --naive measures something else instead.",
  options: {
    device: { value: "NAME", help: "cpu or webgpu", default: "cpu" },
    only: { value: "TEXT", help: "only the workloads with this in their name", default: "all" },
    peers: {
      value: "NAME,…",
      help: `some of ${peers.map(({ name }) => name).join(", ")}; or none`,
      default: "all",
    },
    threads: { value: "N", help: "threads of the cpu device", default: "all cores" },
    repetitions: { value: "N", help: "measurements of each workload", default: "7" },
    plots: { help: "time over size, threads and batch, as plots" },
    breakdown: { value: "TEXT", help: "the time of each op in the workloads with this in their name" },
    dispatches: {
      value: "TEXT",
      help: "the launches of each op on WebGPU in the workloads with this in their name",
    },
    naive: { help: "the WebGPU kernels beside naive ones" },
    gpu: {
      help:
        "on a graphics card, in eight minutes: the most telling rows beside PyTorch on CUDA, in one table",
    },
    rehearse: { help: "with --gpu: rows of a few voxels, to see on any machine that everything runs" },
    peak: { value: "TFLOPS", help: "with --gpu: the card's f32 peak, for shares of it" },
    bandwidth: { value: "GB/S", help: "with --gpu: the card's memory bandwidth" },
    out: { value: "DIR", help: "folder for tables, plots and numbers", default: ".bench" },
  },
  examples: ["--only conv3d --peers none", "--gpu --peak 67 --bandwidth 3350"],
  run,
};

function deviceOf(values: Values): "cpu" | "webgpu" {
  const device = text(values, "device") ?? "cpu";
  if (device === "cpu" || device === "webgpu") return device;
  throw new UsageError(`--device ${device}: expected cpu or webgpu`);
}

function count(values: Values, name: "threads" | "repetitions", usual: number): number {
  const value = number(values, name) ?? usual;
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`--${name} ${value}: expected a whole number`);
}

function chosen(part: string) {
  const names = workloadNames.filter((name) => name.includes(part));
  if (names.length > 0) return names;
  throw new UsageError(`no workload has ${JSON.stringify(part)} in its name`);
}

function chosenPeers(values: Values, device: "cpu" | "webgpu"): readonly Program[] {
  const named = text(values, "peers");
  if (named === "none") return [];
  if (named === undefined) return peers.filter((peer) => device === "cpu" || peer.device === "webgpu");
  return named.split(",").map((name) => {
    const peer = peers.find((peer) => peer.name === name);
    if (peer) return peer;
    const known = peers.map((peer) => peer.name).join(", ");
    throw new UsageError(`--peers ${name}: known are ${known} and none`);
  });
}

/** Writes files to a folder; the Markdown among them is the result, for programs what it was made of. */
async function writeTo(
  folder: string,
  files: Readonly<Record<string, string>>,
  result: object = files,
): Promise<Result> {
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
  const shown = Object.entries(files).filter(([name]) => name.endsWith(".md")).map(([, text]) => text);
  return { text: shown.join("\n"), json: result };
}

const tell = (line: string) => console.error(line);
const pretty = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

async function run(values: Values): Promise<Result> {
  if (values.gpu) return await runGpu(values);
  const stray = ["rehearse", "peak", "bandwidth"].find((name) => values[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray} goes with --gpu`);
  const device = deviceOf(values);
  const threads = count(values, "threads", navigator.hardwareConcurrency);
  const repetitions = count(values, "repetitions", 7);
  const { naive, plots } = values, toBreak = text(values, "breakdown"), toCount = text(values, "dispatches");
  if (toBreak !== undefined && device !== "cpu") {
    throw new UsageError("--breakdown: kernels are timed one by one on the CPU device only");
  }
  const out = text(values, "out") ?? ".bench";
  await prepareOutputs([join(out, "bench.md")], []); // a folder that cannot be written is refused before anything is measured
  const write = (files: Readonly<Record<string, string>>, result?: object) => writeTo(out, files, result);
  const isComparison = !naive && toBreak === undefined && toCount === undefined && !plots;
  const names = chosen(toBreak ?? toCount ?? text(values, "only") ?? ""),
    programs = chosenPeers(values, device);
  const { machine, operations } = await readFacts(isComparison ? names : []);
  tell(machine);
  const heading = (title: string) => `# ${title}\n\n${machine}; ${threads} thread(s)\n\n`;

  // The parts below are loaded when they are wanted, to keep this process small: see readFacts().
  if (naive) {
    const { naiveComparison } = await import("./naive.ts");
    return await write({
      "naive.md": heading("WebGPU kernels against naive ones") + await naiveComparison(tell),
    });
  }
  if (toBreak !== undefined) {
    const [{ breakdown }, { workloads }] = [await import("./breakdown.ts"), await import("./workloads.ts")];
    let page = heading("Time by op, CPU device");
    for (const name of names) {
      tell(name);
      page += `## ${name}\n\n${await breakdown(workloads[name], threads, repetitions)}\n\n`;
    }
    return await write({ "breakdown.md": page });
  }
  if (toCount !== undefined) {
    const [{ countLaunches, launchTable }, { workloads }] = [
      await import("./dispatches.ts"),
      await import("./workloads.ts"),
    ];
    let page = heading("Launches by op, WebGPU device");
    for (const name of names) {
      tell(name);
      page += `## ${name}\n\n${launchTable(await countLaunches(workloads[name]))}\n\n`;
    }
    return await write({ "dispatches.md": page });
  }
  if (plots) {
    const { measureScaling } = await import("./scaling.ts");
    const { scalingPlots, scalingTables } = await import("./scaling_plots.ts");
    const scaling = await measureScaling(device, threads, repetitions, tell);
    const drawn = Object.entries(scalingPlots(scaling, device === "cpu" ? "CPU device" : "WebGPU device"));
    const result = { machine, threads, scaling };
    return await write({
      ...Object.fromEntries(drawn.map(([name, svg]) => [`${name}-${device}.svg`, svg])),
      [`scaling-${device}.md`]: heading(`Scaling, ${device}`) + scalingTables(scaling),
      [`scaling-${device}.json`]: pretty(result),
    }, result);
  }
  const limits = { limitMs: 60_000, budgetMs: 15_000 };
  const setting: Setting = { threads, repetitions, ...limits, expectations: new Expectations() };
  const rows = await measureRows(names, operations, [ours(device), ...programs], setting);
  const columns = ["ours", ...programs.map((peer) => peer.name)];
  const result = { machine, device, threads, rows };
  return await write({
    [`bench-${device}.md`]: heading(`Benchmark, ${device}`) + report(rows, columns, repetitions),
    [`bench-${device}.json`]: pretty(result),
  }, result);
}

/** Minutes of `--gpu` after which no row is begun; the last one may take half a minute more. */
const gpuMinutes = 7;

/** Machines with a card are lent by the minute: the rows that say most come first, and one table comes last. */
async function runGpu(values: Values): Promise<Result> {
  const { gpuTable, presetNames } = await import("./gpu_table.ts");
  const out = text(values, "out") ?? ".bench", part = text(values, "only") ?? "";
  await prepareOutputs([join(out, "gpu.md")], []);
  const names = presetNames(values.rehearse === true).filter((name) => name.includes(part)),
    repetitions = count(values, "repetitions", 5);
  const { machine, operations } = await readFacts(names);
  tell(machine);
  const rows = await measureRows(names, operations, [oursOnCard, ...cudaPeers], {
    threads: navigator.hardwareConcurrency,
    repetitions,
    limitMs: values.rehearse ? 600_000 : 20_000, // software drivers compile slowly
    budgetMs: 6_000,
    expectations: new Expectations(),
    minutes: gpuMinutes,
  });
  const programs = ["ours", ...cudaPeers.map(({ name }) => name)];
  const card = { peak: number(values, "peak"), bandwidth: number(values, "bandwidth") };
  const page = `# Benchmark, graphics card\n\n${machine}\n\n${gpuTable(rows, programs, card)}`;
  return await writeTo(out, { "gpu.md": page, "gpu.json": pretty({ machine, card, rows }) }, {
    machine,
    card,
    rows,
  });
}

await main(command);
