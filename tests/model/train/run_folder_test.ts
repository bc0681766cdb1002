import assert from "node:assert/strict";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  resolveConfig,
  RunFolder,
  writeAtomically,
} from "../../../model/mod.ts";
import { encodeSafetensors } from "../../../tensor/mod.ts";
import { smallPreparation } from "./setting.ts";

async function inFreshFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a second run takes a new name instead of overwriting", () =>
  inFreshFolder(async (root) => {
    using first = await RunFolder.create(root, "run");
    using second = await RunFolder.create(root, "run");
    assert.deepEqual([first.path, second.path], [`${root}/run`, `${root}/run-2`]);
  }));

Deno.test("runs that start at the same moment get a folder each", () =>
  inFreshFolder(async (root) => {
    const made = await Promise.all([1, 2, 3, 4].map(() => RunFolder.create(root, "run")));
    const names = made.map(({ path }) => path.slice(root.length + 1)).sort();
    for (const folder of made) folder[Symbol.dispose]();
    assert.deepEqual(names, ["run", "run-2", "run-3", "run-4"]);
  }));

Deno.test("the name of a run is no path", () =>
  inFreshFolder(async (root) => {
    for (const name of ["", "..", "a/b", "..\\a", "a\0b"]) {
      await assert.rejects(RunFolder.create(`${root}/runs`, name), { code: "run.name" });
    }
    assert.deepEqual([...Deno.readDirSync(root)], []);
  }));

Deno.test("a folder in use is refused; what a killed process left behind is not in use", () =>
  inFreshFolder(async (root) => {
    const path = `${root}/run`;
    {
      using folder = await RunFolder.create(root, "run");
      await folder.writeJson("config.json", {});
      await assert.rejects(RunFolder.open(path), { code: "run.locked" });
    }
    await Deno.writeTextFile(`${path}/lock`, "");
    using _ = await RunFolder.open(path);
  }));

Deno.test("opening a folder takes away what a killed process was writing, and nothing else", () =>
  inFreshFolder(async (root) => {
    const path = `${root}/run`;
    {
      using folder = await RunFolder.create(root, "run");
      await folder.writeJson("config.json", {});
    }
    const kept = ["checkpoints/last.safetensors", "predictions/a.nii.gz", "predictions/b.part", "log.csv"];
    const unfinished = ["checkpoints/last.safetensors.tmp-17", "predictions/a.nii.gz.part", "log.csv.tmp-9"];
    for (const name of [...kept, ...unfinished]) await Deno.writeTextFile(`${path}/${name}`, "");
    using _ = await RunFolder.open(path);
    const exists = (name: string) => Deno.stat(`${path}/${name}`).then(() => true, () => false);
    assert.deepEqual(await Promise.all(kept.map(exists)), kept.map(() => true));
    assert.deepEqual(await Promise.all(unfinished.map(exists)), unfinished.map(() => false));
  }));

Deno.test("opening what is no run folder is refused", () =>
  inFreshFolder((root) => assert.rejects(RunFolder.open(root), { code: "run.folder" })));

Deno.test("writeAtomically() leaves no temporary file, and keeps the old file when writing fails", () =>
  inFreshFolder(async (root) => {
    await writeAtomically(`${root}/a`, "old");
    await assert.rejects(writeAtomically(`${root}/missing/a`, "new"), { code: "io.write" });
    await Deno.mkdir(`${root}/taken`);
    await assert.rejects(writeAtomically(`${root}/taken`, "new"), { code: "io.write" }); // the rename fails
    const names = [...Deno.readDirSync(root)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["a", "taken"]);
    assert.equal(await Deno.readTextFile(`${root}/a`), "old");
  }));

Deno.test("decodeCheckpoint() gives back what encodeCheckpoint() was given and refuses other files", () => {
  const info = {
    config: resolveConfig({}),
    preparation: smallPreparation,
    step: 3,
    best: 0.5,
    split: "abc",
    data: "def",
  };
  const network = new Map([["w", { shape: [1], data: Float32Array.of(2) }]]);
  const decoded = decodeCheckpoint(encodeCheckpoint(info, network));
  assert.deepEqual(decoded.info, info);
  assert.deepEqual(decoded.network, network);
  assert.equal(decoded.optimizer.size, 0);
  assert.throws(() => decodeCheckpoint(encodeSafetensors(network)), { code: "checkpoint.format" });
  const foreign = encodeSafetensors(network, new Map([["checkpoint", '{"format":"x"}']]));
  assert.throws(() => decodeCheckpoint(foreign), { code: "checkpoint.format" });
  const whole = encodeCheckpoint(info, network);
  assert.throws(() => decodeCheckpoint(whole.subarray(0, -1)), { code: "safetensors.size" });
  for (
    const other of [
      "",
      '{"a":1}',
      '{"abcd":{"e":1}}',
      "PK\x03\x04 as torch.save writes",
      "# Notes\n\nof a run",
    ]
  ) {
    assert.throws(() => decodeCheckpoint(new TextEncoder().encode(other)), {
      code: "checkpoint.format",
      message: /^the file is no checkpoint: /,
      fix: /^A checkpoint is a \.safetensors file from the checkpoints folder of a run/,
    });
  }
  for (const version of [1, 3]) {
    const description = JSON.stringify({ ...info, format: `cmc-checkpoint-${version}` });
    assert.throws(
      () => decodeCheckpoint(encodeSafetensors(network, new Map([["checkpoint", description]]))),
      {
        code: "checkpoint.version",
        message: new RegExp(`of version ${version}; this program reads version 2`),
      },
    );
  }
});
