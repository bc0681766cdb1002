import assert from "node:assert/strict";
import { layouts } from "../../model/mod.ts";
import { decodeSafetensors } from "../../tensor/mod.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { checkpointFiles, dictionary, joined, zipOf } from "../model/weights/made_checkpoint.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const filesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("convert writes safetensors, and says what it left out; an existing file stays unless told", async () => {
  await inFreshFolder(async (folder) => {
    // The smallest of the layouts, 19 million values.
    const table = layouts["universal-unet"]!.table;
    const tensors = Object.fromEntries(
      [...table].map((
        [name, shape],
      ) => [`module.backbone.${name}`, { shape, data: new Float32Array(sizeOf(shape)).fill(0.5) }]),
    );
    const head = { "module.precls_conv.0.weight": { shape: [1], data: Float32Array.of(1) } };
    await Deno.writeFile(`${folder}/unet.pth`, zipOf(checkpointFiles({ ...tensors, ...head })));
    const args = [
      "--in",
      `${folder}/unet.pth`,
      "--out",
      `${folder}/unet.safetensors`,
      "--layout",
      "universal-unet",
    ];
    const { code, stdout } = await runExample("convert", [...args, "--json"], folder);
    assert.equal(code, 0);
    const result = JSON.parse(stdout);
    assert.equal(result.tensors, table.size);
    assert.equal(result.values, 7_027_776 + 12_046_734 - (64 * 14 + 14));
    assert.deepEqual(result.leftOut, ["module.precls_conv.0.weight"]);
    const written = await Deno.readFile(`${folder}/unet.safetensors`);
    assert.deepEqual([...decodeSafetensors(written).tensors.keys()].sort(), [...table.keys()].sort());
    const again = await runExample("convert", args, folder);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^error\[io\.exists\]/);
  });
});

Deno.test("convert refuses what would run code, and writes nothing", async () => {
  await inFreshFolder(async (folder) => {
    const pickle = dictionary({ model_state_dict: joined("cos\nsystem\nX\x04\0\0\0true\x85R") });
    await Deno.writeFile(`${folder}/bad.pth`, zipOf([{ name: "bad/data.pkl", bytes: pickle }]));
    const args = ["--in", `${folder}/bad.pth`, "--out", `${folder}/out.safetensors`, "--layout", "sam-med3d"];
    const { code, stderr } = await runExample("convert", args, folder);
    assert.equal(code, 1);
    assert.match(stderr, /^error\[weights\.unsafe\]: .*os\.system/);
    assert.deepEqual(filesIn(folder), ["bad.pth"]);
  });
});

Deno.test("convert refuses a missing file and an unknown layout", async () => {
  await inFreshFolder(async (folder) => {
    const run = (input: string, layout: string) =>
      runExample("convert", ["--in", input, "--out", "out.safetensors", "--layout", layout], folder);
    const missing = await run("nowhere.pth", "sam-med3d");
    assert.deepEqual([missing.code, /^error\[io\.missing\]/.test(missing.stderr)], [1, true]);
    const unknown = await run("nowhere.pth", "sam");
    assert.match(unknown.stderr, /^error\[weights\.layout\].*\n.*sam-med3d, universal-unet, cmc-released/);
    assert.deepEqual(filesIn(folder), []);
  });
});
