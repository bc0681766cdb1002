import assert from "node:assert/strict";
import { plainTuning, presets, Vit } from "../../model/mod.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  openDevice,
  Random,
  type SafeTensor,
} from "../../tensor/mod.ts";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const small = [
  "--device",
  "cpu",
  "--steps",
  "2",
  "--batch",
  "1",
  "--validations",
  "1",
  "--semi-supervised-from",
  "0",
  "--validation",
  "1",
  "--test",
  "1",
];

const tensorsOf = async (path: string) => decodeSafetensors(await Deno.readFile(path)).tensors;

Deno.test("a training starts from SAM-Med3D's weights: the trunk stays frozen, in their form of positions, and the rest is listed", async () => {
  await inFreshFolder(async (folder) => {
    // The weights of a Transformer of the smallest preset, as convert writes those of the largest.
    using device = await openDevice("cpu");
    using vit = new Vit({ device, random: new Random(3) }, presets["vit-tiny"].unet().vit!, plainTuning);
    const state = new Map<string, SafeTensor>();
    for (const [name, { shape, data }] of await vit.stateDict()) {
      state.set(name, { shape, data: data as Float32Array });
    }
    const bytes = encodeSafetensors(state, new Map([["cmc-layout", "sam-med3d"]]));
    await Deno.writeFile(`${folder}/sam.safetensors`, bytes);
    const args = ["--preset", "vit-tiny", "--init", "sam.safetensors", ...small];
    const refused = await runExample("train", args, folder);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /error\[weights\.incomplete\].*adapter/);
    const { code, stderr } = await runExample("train", [...args, "--init-partial", "--name", "vit"], folder);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ {2}encoders\.0\.vit\.blocks\.0\.adapter\.down\.weight: not in the file$/m);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/runs/vit/config.json`));
    assert.deepEqual([config.positions, config.trunk, config.adapterRank], ["sam-med3d", "frozen", 12]);
    assert.equal(config.initPartial, true);
    const trained = await tensorsOf(`${folder}/runs/vit/checkpoints/last.safetensors`);
    for (const [name, { data }] of state) {
      for (const m of [0, 1]) {
        const now = trained.get(`network.encoders.${m}.vit.${name}`)!.data;
        if (name.startsWith("neck.")) assert.notDeepEqual(now, data, name);
        else assert.deepEqual(now, data, name);
      }
    }
    const adapter = trained.get("network.encoders.1.vit.blocks.0.adapter.up.weight")!.data;
    assert.ok(adapter.some((value) => value !== 0));
  });
});

Deno.test("a training starts from another run", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const sizes = ["--data", "data", "--preset", "unet-tiny", "--patch", "16,16,16"];
    const train = (...args: string[]) => runExample("train", [...small, ...sizes, ...args], folder);
    const first = await train("--method", "supervised", "--name", "first");
    assert.equal(first.code, 0, first.stderr);
    const second = await train("--init", "runs/first", "--name", "second");
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /^\d+ tensors start from the given weights$/m);
  });
});
