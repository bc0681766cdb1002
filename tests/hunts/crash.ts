/**
 * Runs the WebGPU test files again and again, each in a process of its own, and counts how they end.
 *
 * ```sh
 * deno run -A tests/hunts/crash.ts 200
 * deno run -A tests/hunts/crash.ts 20 tests/tensor/webgpu/device_test.ts
 * ```
 *
 * The first argument is the number of runs in all, which the files take in turn; the others are files, all that use
 * WebGPU when absent. Of files that test every device only the WebGPU tests are run.
 * Environment variables go through to the tests, such as `GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165`,
 * which brings damage of the heap to light sooner, or `DENO_WEBGPU_BACKEND=vulkan,gl`, what Deno does when nobody says:
 * the tests leave OpenGL out, see `tests/tensor/webgpu/vulkan.ts`. Exits 1 when a signal ended a run.
 */

import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What every name of a test on WebGPU has in a file that tests all devices. */
const mark = "[webgpu]";

/** Test files that open a WebGPU device: all of its folder, and those that run on every device. */
function webgpuTests(): string[] {
  const within = (folder: string) =>
    [...Deno.readDirSync(`${root}${folder}`)].filter(({ name }) => name.endsWith("_test.ts"))
      .map(({ name }) => `${folder}/${name}`);
  return [...within("tests/tensor/webgpu"), ...within("tests/tensor").filter(testsEveryDevice)].sort();
}

function testsEveryDevice(file: string): boolean {
  return Deno.readTextFileSync(`${root}${file}`).includes("devices.ts");
}

/** How the runs of a file ended, and how long they took together. */
interface Tally {
  readonly ends: Map<string, number>;
  seconds: number;
}

const [runs = "1", ...named] = Deno.args;
const files = named.length > 0 ? named : webgpuTests();
const tallies = files.map((): Tally => ({ ends: new Map(), seconds: 0 }));
let crashed = 0;
for (let run = 0; run < Number(runs); run++) {
  const file = files[run % files.length]!, tally = tallies[run % files.length]!;
  const begin = performance.now();
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--no-check", "--quiet", "--allow-all"],
      ...(testsEveryDevice(file) ? [`--filter=${mark}`] : []),
      file,
    ],
    cwd: root,
    env: { NO_COLOR: "1", CMC_REQUIRE_WEBGPU: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  tally.seconds += (performance.now() - begin) / 1000;
  const end = signal ?? `exit code ${code}`;
  tally.ends.set(end, (tally.ends.get(end) ?? 0) + 1);
  if (signal !== null) crashed++;
  if (code === 0) continue;
  console.log(
    `${file}, run ${run + 1}: ${end}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`,
  );
}
for (const [at, { ends, seconds }] of tallies.entries()) {
  const counts = [...ends].map(([end, count]) => `${end} ${count}×`).join(", ");
  console.log(`${files[at]}: ${counts} (${seconds.toFixed(0)} s)`);
}
console.log(`${files.length} files, ${runs} runs in all: ${crashed} ended by a signal`);
if (crashed > 0) Deno.exitCode = 1;
