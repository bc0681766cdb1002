import assert from "node:assert/strict";
import { encodeCheckpoint, train } from "../../model/mod.ts";
import { openDevice } from "../../tensor/mod.ts";
import { smallData } from "../model/train/setting.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

async function checkpoint(): Promise<Uint8Array> {
  using device = await openDevice("cpu", { threads: 1 });
  using run =
    (await train({ patch: [16, 16, 16], steps: 1, batch: 1, validations: 1 }, { device, ...smallData() }))!;
  const { config, preparation } = run;
  return encodeCheckpoint(
    { config, preparation, step: 1, best: null, split: "", data: "" },
    await run.network.stateDict(),
  );
}

Deno.test("export writes a page, or a model with a program, and replaces no file unless told", async () => {
  await inFreshFolder(async (folder) => {
    const bytes = await checkpoint();
    await Deno.writeFile(`${folder}/a.safetensors`, bytes);
    await Deno.writeFile(`${folder}/b.safetensors`, bytes);
    const run = (...args: string[]) => runExample("export", ["--checkpoint=a.safetensors", ...args], folder);

    const html = await run(
      "--format=html",
      "--out=page.html",
      "--title=Nodes <1>",
      "--checkpoint=b.safetensors",
    );
    assert.equal(html.code, 0, html.stderr);
    const page = await Deno.readTextFile(`${folder}/page.html`);
    assert.match(page, /<h1>Nodes &lt;1&gt;<\/h1>|<h1>Nodes &lt;1><\/h1>/);
    assert.equal([...page.matchAll(/<script class="checkpoint"/g)].length, 2);

    const onnx = await run("--format=onnx", "--out=net.onnx", "--json");
    assert.equal(onnx.code, 0, onnx.stderr);
    const { written } = JSON.parse(onnx.stdout);
    assert.deepEqual(written.map(({ file }: { file: string }) => file), ["net.onnx", "net.py"]);
    const program = await Deno.readTextFile(`${folder}/net.py`);
    assert.match(program, /InferenceSession\("net\.onnx"\)/);
    assert.ok(program.split("\n").length <= 40);

    await Deno.remove(`${folder}/net.onnx`); // the program alone is in the way
    assert.match((await run("--format=onnx", "--out=net.onnx")).stderr, /error\[io\.exists\]: net\.py/);
    assert.equal((await run("--format=onnx", "--out=net.onnx", "--overwrite")).code, 0);
    const two = await run("--format=onnx", "--out=two.onnx", "--checkpoint=b.safetensors");
    assert.deepEqual([two.code, /one --checkpoint/.test(two.stderr)], [2, true]);
    assert.equal((await run("--format=zip", "--out=a.zip")).code, 2);
    assert.match((await run("--format=html", "--out=a.safetensors", "--overwrite")).stderr, /io\.overwrite/);
  });
});
