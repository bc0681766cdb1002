import assert from "node:assert/strict";
import { rehearsalNames } from "./names.ts";

const script = new URL("./bench.ts", import.meta.url);

/** Runs the benchmark in an empty folder with the permissions of `deno task bench`. */
async function bench(...args: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--no-lock",
        "--allow-read",
        `--allow-write=${folder}`,
        "--allow-run=/usr/bin/python3,python3,deno",
        "--allow-sys=cpus,systemMemoryInfo",
        script.pathname,
        ...args,
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const files: Record<string, string> = {};
    if (code === 0 && !args.includes("-h")) {
      for await (const { name } of Deno.readDir(`${folder}/.bench`)) {
        files[name] = await Deno.readTextFile(`${folder}/.bench/${name}`);
      }
    }
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr), files };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the benchmark measures one workload without peers and writes table and numbers", async () => {
  const { code, stdout, stderr, files } = await bench("--only=layer norm", "--peers=none", "--repetitions=5");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\| layer norm 512×768 forward +\| +\d/);
  const { rows } = JSON.parse(files["bench-cpu.json"]!);
  assert.equal(rows.length, 1);
  const { wall, firstMs, repetitions, residentMiB, tensorMiB } = rows[0].outcomes.ours;
  assert.equal(repetitions, 5);
  assert.ok(wall > 0 && firstMs > 0 && residentMiB > tensorMiB && tensorMiB > 0);
});

Deno.test("wrong options of the benchmark end with 2 and say what is known", async () => {
  const peer = await bench("--peers=keras");
  assert.equal(peer.code, 2);
  assert.match(peer.stderr, /error\[usage\]: --peers keras: known are ours-fast, pytorch, jax-js-wasm/);
  assert.equal((await bench("--only=no such thing")).code, 2);
  assert.equal((await bench("--device=abacus")).code, 2);
});

Deno.test("--gpu can be rehearsed: rows in order of importance, one table at the end, peers that are not there named", async () => {
  const { code, stdout, stderr, files } = await bench(
    "--gpu",
    "--rehearse",
    "--only=forward",
    "--repetitions=1",
    "--peak=1",
  );
  assert.equal(code, 0, stderr);
  const table = stdout.trimEnd().split("\n\n").at(-1)!.split("\n");
  assert.match(table[0]!, /ours, ms .*TFLOP\/s .*of peak .*pytorch-cuda, ms .*pytorch-cuda-tf32, ms/);
  const { rows } = JSON.parse(files["gpu.json"]!);
  const names = rehearsalNames.filter((name) => name.includes("forward"));
  assert.deepEqual(rows.map(({ workload }: { workload: string }) => workload), names);
  for (const [i, { workload, outcomes: { ours } }] of rows.entries()) {
    if (workload.includes("f16") && ours.refused) assert.match(ours.refused, /f16/);
    else assert.ok(ours.wall > 0, workload);
    assert.ok(table[2 + i]!.includes(workload));
  }
  assert.equal((await bench("--peak=1")).code, 2);
});

Deno.test("the benchmark lists its options with -h", async () => {
  const { code, stdout } = await bench("-h");
  assert.equal(code, 0);
  assert.match(stdout, /--repetitions N +measurements of each workload \(7\)/);
});
