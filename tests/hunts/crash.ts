/**
 * Runs the WebGPU test files again and again, each in a process of its own, and counts how they end.
 *
 * ```sh
 * deno run -A tests/hunts/crash.ts 200
 * deno run -A tests/hunts/crash.ts 20 tests/tensor/webgpu/device_test.ts
 * ```
 *
 * The first argument is the number of runs of each file, the others are files; all that use WebGPU when absent.
 * Environment variables go through to the tests, such as `GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165`,
 * which brings damage of the heap to light sooner. Exits 1 when a signal ended a run.
 */

import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Test files that open a WebGPU device: all of its folder, and those that run on every device. */
function webgpuTests(): string[] {
  const within = (folder: string) =>
    [...Deno.readDirSync(`${root}${folder}`)].filter(({ name }) => name.endsWith("_test.ts"))
      .map(({ name }) => `${folder}/${name}`);
  const onEachDevice = within("tests/tensor").filter((file) =>
    Deno.readTextFileSync(root + file).includes("devices.ts")
  );
  return [...within("tests/tensor/webgpu"), ...onEachDevice].sort();
}

const [runs = "1", ...named] = Deno.args;
const files = named.length > 0 ? named : webgpuTests();
let crashed = 0;
for (const file of files) {
  const ends = new Map<string, number>();
  const begin = performance.now();
  for (let run = 0; run < Number(runs); run++) {
    const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--quiet", "--allow-all", file],
      cwd: root,
      env: { NO_COLOR: "1", CMC_REQUIRE_WEBGPU: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    const end = signal ?? `exit code ${code}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if (signal === null) continue;
    crashed++;
    console.log(`${file}: ${signal}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`);
  }
  const seconds = (performance.now() - begin) / 1000 / Number(runs);
  const counts = [...ends].map(([end, count]) => `${end} ${count}×`).join(", ");
  console.log(`${file}: ${counts} (${seconds.toFixed(1)} s a run)`);
}
console.log(`${files.length} files, ${runs} runs each: ${crashed} ended by a signal`);
if (crashed > 0) Deno.exitCode = 1;
