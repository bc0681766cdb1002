/** The programs that can be timed and how each is started. */

import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };
import type { WorkloadName } from "./names.ts";

/** A column of the table. */
export interface Program {
  /** Name of the column and on the command line. */
  readonly name: string;
  /** Which device of the machine it uses: peers are compared with ours on the same one by default. */
  readonly device: "cpu" | "webgpu";
  /** Its runs are queued on a card, and only the end of a sample is waited for. */
  readonly isQueued?: true;
  /** The npm packages it needs, exact, for the installation. */
  readonly packages: readonly string[];
  /** The process to start for a workload. */
  start(workload: WorkloadName, threads: number): { command: string; args: string[] };
}

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Ours, on one of its devices. It needs no permission. */
export function ours(device: "cpu" | "webgpu", flags: readonly string[] = []): Program {
  const run = ["run", ...flags, "--quiet", "--no-prompt", "--no-lock"];
  return {
    name: "ours",
    device,
    packages: [],
    start: (workload, threads) => ({
      command: "deno",
      args: [...run, path("ours.ts"), device, `${threads}`, workload],
    }),
  };
}

/** Ours on a graphics card beside PyTorch: both queue their runs. */
export const oursOnCard: Program = {
  ...ours("webgpu"),
  isQueued: true,
  start: (workload, threads) => {
    const { command, args } = ours("webgpu").start(workload, threads);
    return { command, args: [...args, "queued"] };
  },
};

/** Ours with the flags of `deno task fast`. */
const fast: Program = {
  ...ours(
    "cpu",
    configuration.tasks.fast.command.split(" ").filter((word) => word.startsWith("--v8-flags=")),
  ),
  name: "ours-fast",
};

/** A library from npm, outside of this project's configuration and lock file, and only if already in the cache. */
function npmPeer(
  name: string,
  file: string,
  device: "cpu" | "webgpu",
  packages: readonly string[],
): Program {
  // Reading is for the WebAssembly files of the packages; two of the libraries read environment variables.
  const flags = ["--quiet", "--no-prompt", "--no-config", "--no-lock", "--cached-only", "--allow-read"];
  const backend = device === "cpu" ? "wasm" : "webgpu";
  return {
    name: `${name}-${backend}`,
    device,
    packages,
    start: (workload, threads) => ({
      command: "deno",
      args: ["run", ...flags, path(`peers/${file}`), backend, `${threads}`, workload, ...packages],
    }),
  };
}

const jax = ["npm:@jax-js/jax@0.1.25"];
const tensorflow = (backend: string) => [
  "npm:@tensorflow/tfjs@4.22.0",
  `npm:@tensorflow/tfjs-backend-${backend}@4.22.0`,
];
const onnxruntime = ["npm:onnxruntime-web@1.30.0"];

/** The fast mode of the CPU device, PyTorch, and the JavaScript libraries for the processor or WebGPU. */
export const peers: readonly Program[] = [
  fast,
  {
    name: "pytorch",
    device: "cpu",
    packages: [],
    start: (workload, threads) => ({
      command: "/usr/bin/python3",
      args: ["-B", path("peers/pytorch.py"), `${threads}`, workload],
    }),
  },
  npmPeer("jax-js", "jax_js.ts", "cpu", jax),
  npmPeer("tensorflow", "tensorflow.ts", "cpu", tensorflow("wasm")),
  npmPeer("onnxruntime", "onnxruntime.ts", "cpu", onnxruntime),
  npmPeer("jax-js", "jax_js.ts", "webgpu", jax),
  npmPeer("tensorflow", "tensorflow.ts", "webgpu", tensorflow("webgpu")),
  npmPeer("onnxruntime", "onnxruntime.ts", "webgpu", onnxruntime),
];

/** PyTorch on a CUDA card, with and without TF32 in matrix products and convolutions. */
export const cudaPeers: readonly Program[] = (["cuda", "cuda-tf32"] as const).map((kind) => ({
  name: `pytorch-${kind}`,
  device: "webgpu",
  isQueued: true,
  packages: [],
  start: (workload, threads) => ({
    command: "python3", // a machine with a card has its own, with a PyTorch that was built for it
    args: ["-B", path("peers/pytorch.py"), `${threads}`, workload, kind],
  }),
}));

/** The command that puts the npm peers into Deno's cache. */
export function installation(programs: readonly Program[]): string {
  const packages = [...new Set(programs.flatMap((program) => program.packages))];
  return `deno cache --no-config --no-lock ${packages.join(" ")}`;
}
