/**
 * Runs the tests, each file in a process of its own, as many at once as there are cores, at most four: a file that crashes or
 * hangs takes no other with it, and its name is known.
 *
 *     deno task test [FILE|FOLDER …] [--jobs N]
 *
 * A file that does not end is stopped and has failed; what its threads waited for is printed.
 */

import { parseArgs } from "node:util";

const minutesPerFile = 12;

/** Files that take longest are started first, so that none is left over at the end. */
const longest = [
  "tests/model/train/methods_test.ts",
  "tests/model/train/methods_webgpu_test.ts",
  "tests/model/train/train_test.ts",
  "tests/tensor/wasm/random_shapes_test.ts",
  "tests/contract/remote_run_test.ts",
  "tests/examples/train_test.ts",
];

/** What `deno test` is given for the examples in the documentation. */
const documentation = ["--doc", "--ignore=tests,runs", "."];

/**
 * The drivers that a GPU computes with. Deno asks OpenGL's too otherwise, and Mesa's libEGL, unloaded while the
 * thread of a test module ends, frees memory twice: of 3040 processes that had passed ten died so.
 */
const environment = { NO_COLOR: "1", DENO_WEBGPU_BACKEND: "vulkan,metal,dx12" };

interface Outcome {
  readonly output: string;
  /** How the process ended. */
  readonly status: Deno.CommandStatus;
}

interface Counts {
  passed: number;
  failed: number;
  ignored: number;
}

function* testFiles(path: string): Generator<string> {
  if (Deno.statSync(path).isFile) return yield path;
  for (const entry of [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const inside = `${path}/${entry.name}`;
    if (entry.isDirectory) yield* testFiles(inside);
    else if (entry.name.endsWith("_test.ts")) yield inside;
  }
}

/** What the threads of a process wait for, where the system tells (Linux). */
function threadsOf(pid: number): string {
  const read = (file: string) => {
    try {
      return Deno.readTextFileSync(file).trim();
    } catch {
      return "?";
    }
  };
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)]
      .map(({ name }) => `/proc/${pid}/task/${name}`)
      .map((task) =>
        `  ${read(`${task}/comm`)}: ${read(`${task}/wchan`)}, system call ${read(`${task}/syscall`)}`
      )
      .join("\n");
  } catch {
    return "  (this system does not tell)";
  }
}

async function run(args: readonly string[]): Promise<Outcome> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--no-lock", "--no-check", "--allow-read", "--allow-write", "--allow-run", "--allow-env"],
      ...["--allow-net=127.0.0.1", "--trace-leaks", ...args],
    ],
    env: environment,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output: string[] = [];
  const listen = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) output.push(decoder.decode(bytes, { stream: true }));
  };
  const timer = setTimeout(() => {
    output.push(`\nNo end after ${minutesPerFile} minutes. Its threads:\n${threadsOf(process.pid)}\n`);
    process.kill("SIGKILL");
  }, minutesPerFile * 60_000);
  const [status] = await Promise.all([process.status, listen(process.stdout), listen(process.stderr)]);
  clearTimeout(timer);
  return { output: output.join(""), status };
}

/** Adds what `deno test` counted in its last line; a process that did not get that far is one failure. */
function count({ output, status: { success } }: Outcome, counts: Counts): void {
  const last = output.match(/^(?:ok|FAILED) \| \d+ passed.*$/gm)?.at(-1) ?? "";
  const number = (what: string) => Number(last.match(new RegExp(`\\| (\\d+) ${what}`))?.[1] ?? 0);
  counts.passed += number("passed");
  counts.ignored += number("ignored");
  counts.failed += success ? 0 : Math.max(1, number("failed"));
}

/** How a process died whose tests did not fail: nothing else would tell. */
function deathOf({ output, status: { code, signal } }: Outcome): string {
  if (/^FAILED \| /m.test(output)) return "";
  return ` (${signal ?? `code ${code}`}: ${output.trim().split("\n").at(-1)})`;
}

const { values, positionals } = parseArgs({ options: { jobs: { type: "string" } }, allowPositionals: true });
const jobs = Number(values.jobs ?? Math.min(navigator.hardwareConcurrency, 4));
if (!Number.isInteger(jobs) || jobs < 1) {
  throw new Error(`--jobs ${values.jobs}: expected a whole number from 1`);
}
const files = (positionals.length > 0 ? positionals : ["tests"]).flatMap((path) => [...testFiles(path)]);
if (files.length === 0) throw new Error(`no *_test.ts below ${positionals.join(", ")}`);
const place = (file: string) => (longest.indexOf(file) + 1) || longest.length + 1;
const queue = files.map((file) => [file]).sort(([a], [b]) => place(a!) - place(b!));
if (positionals.length === 0) queue.splice(longest.length, 0, documentation);

const counts: Counts = { passed: 0, failed: 0, ignored: 0 };
const unsuccessful: string[] = [];
const began = Date.now();
await Promise.all(Array.from({ length: jobs }, async () => {
  for (let item; (item = queue.shift());) {
    const outcome = await run(item);
    console.log(outcome.output.trim());
    count(outcome, counts);
    if (!outcome.status.success) unsuccessful.push(item.join(" ") + deathOf(outcome));
  }
}));
for (const what of unsuccessful) console.log(`FAILED  deno test ${what}`);
const minutes = Math.floor((Date.now() - began) / 60_000);
const seconds = Math.round((Date.now() - began) / 1000) % 60;
console.log(
  `\n${counts.failed > 0 ? "FAILED" : "ok"} | ${counts.passed} passed | ${counts.failed} failed | ` +
    `${counts.ignored} ignored (${minutes}m${seconds}s)`,
);
Deno.exit(counts.failed > 0 ? 1 : 0);
