/** The kernels in the fast mode of `deno task fast`: same results, other vectors, other tiles. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = new URL("../../../", import.meta.url);
const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const flags: string = tasks.fast.command.match(/--v8-flags=\S+/)[0];

/** Runs Deno with the flags of the task. */
async function deno(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, flags, ...args],
    cwd: fileURLToPath(root),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  return text;
}

Deno.test("deno task fast: every kernel computes what the oracle computes", async () => {
  const files = ["random_shapes_test.ts", "winograd_test.ts"].map((name) => `tests/tensor/wasm/${name}`);
  const text = await deno("test", "--no-check", "--allow-read", ...files, "--", "12");
  assert.match(text, /matmul computes what the oracle computes/);
});

Deno.test("deno task fast: the device says that memory accesses are not checked", async () => {
  const module = new URL("tensor/open_device.ts", root).href;
  const code = `import { openDevice } from "${module}";
    using device = await openDevice("cpu");
    console.log(device.description);`;
  assert.match(await deno("eval", code), /fast mode: memory accesses are not checked/);
});

Deno.test("deno task fast: another program than those it knows is wrong usage", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "examples/fast.ts", "evaluate"],
    cwd: fileURLToPath(root),
  }).output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /no program evaluate/);
});
