/** `predict` for one case and for many: what it writes, leaves out, refuses and goes on after. */

import assert from "node:assert/strict";
import { readNifti, rowMajor, volumeFrom, writeNifti } from "../../data/mod.ts";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const tiny = [
  "--data",
  "data",
  "--preset",
  "unet-tiny",
  "--patch",
  "16,16,16",
  "--batch",
  "1",
  "--device",
  "cpu",
];

async function trained(folder: string, seed: number): Promise<string> {
  const split = ["--steps", "1", "--validations", "1", "--validation", "1", "--test", "1", "--labelled", "2"];
  const name = `run${seed}`;
  const { code, stderr } = await runExample("train", [
    ...tiny,
    ...split,
    "--threads",
    "1",
    "--seed",
    `${seed}`,
    "--name",
    name,
  ], folder);
  assert.equal(code, 0, stderr);
  return `runs/${name}/checkpoints/best.safetensors`;
}

Deno.test("predict segments a data set with several checkpoints, goes on after a bad case, and leaves out what is done", () =>
  inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const [a, b] = [await trained(folder, 1), await trained(folder, 2)];
    const broken = `${folder}/data/phantom_s3_4_mr.nii.gz`;
    const bytes = await Deno.readFile(broken);
    await Deno.writeFile(broken, bytes.subarray(0, bytes.length >> 1));
    const args = ["--checkpoint", a, "--checkpoint", b, "--data", "data", "--out", "out", "--device", "cpu"];
    const first = await runExample("predict", [...args, "--probabilities", "--overlays", "--json"], folder);
    assert.equal(first.code, 1);
    assert.match(first.stderr, /^memory: about \d+ MiB at most: \d+ MiB with the networks loaded/m);
    assert.match(first.stderr, /^case phantom_s3_4: error\[gzip\.truncated\]/m);
    assert.match(first.stderr, /^cmc after 1 steps, trained on ct, mr for liver, kidney, node$/m);
    assert.doesNotMatch(first.stderr, /predict\.classes/);
    const { cases, skipped, failed } = JSON.parse(first.stdout);
    assert.deepEqual([cases.length, skipped.length], [5, 0]);
    assert.deepEqual(failed.map((one: { case: string }) => one.case), ["phantom_s3_4"]);
    const [{ trust, written }] = cases;
    assert.equal(trust, "out/phantom_s3_0.nii.gz");
    assert.deepEqual(written, [
      { modality: null, file: trust },
      { modality: "ct", file: "out/phantom_s3_0_ct.nii.gz" },
      { modality: "mr", file: "out/phantom_s3_0_mr.nii.gz" },
    ]);
    const names = [...Deno.readDirSync(`${folder}/out`)].map(({ name }) => name);
    assert.equal(names.length, 5 * 3 * (1 + 4 + 1), "a label map, four probabilities and a picture each");
    assert.ok(names.every((name) => !name.startsWith("phantom_s3_4") && !name.endsWith(".part")));

    // The file to trust is the mean of both scans, and the label map says the most probable class.
    const read = async (name: string) =>
      rowMajor(await readNifti(`${folder}/out/phantom_s3_0${name}.nii.gz`));
    const of = (what: string) =>
      Promise.all(["background", "liver", "kidney", "node"].map((name) => read(`${what}_p_${name}`)));
    const [all, ct, mr] = await Promise.all([of(""), of("_ct"), of("_mr")]);
    const labels = await read("");
    for (let at = 0; at < labels.length; at += 7) {
      const means = ct.map((p, k) => (p[at]! + mr[k]![at]!) / 2);
      means.forEach((mean, k) => assert.ok(Math.abs(mean - all[k]![at]!) < 1e-6));
      assert.equal(labels[at], all.reduce((best, p, k) => p[at]! > all[best]![at]! ? k : best, 0));
    }

    await Deno.writeFile(broken, bytes);
    const manifest = await Deno.readTextFile(`${folder}/data/dataset.json`);
    await Deno.writeTextFile(`${folder}/data/dataset.json`, manifest.replace('"liver"', '"spleen"'));
    const other = await runExample("predict", args.with(7, "elsewhere"), folder);
    assert.match(other.stderr, /warning\[predict\.classes\].*classes 1 spleen, .*trained for 1 liver, /);
    await Deno.writeTextFile(`${folder}/data/dataset.json`, manifest);
    const before = (await Deno.stat(`${folder}/out/phantom_s3_0.nii.gz`)).mtime;
    const second = await runExample("predict", args, folder);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /^1 cases segmented, 5 were there already, 0 failed$/m);
    assert.match(
      second.stdout,
      /^trust the files named after the cases alone, such as out\/phantom_s3_4\.nii\.gz/m,
    );
    assert.deepEqual((await Deno.stat(`${folder}/out/phantom_s3_0.nii.gz`)).mtime, before);
    const third = await runExample("predict", [...args, "--overwrite"], folder);
    assert.match(third.stdout, /^6 cases segmented, 0 were there already/m);
  }));

Deno.test("predict never writes over a scan, also through a link or by a probability, nor over what is there", () =>
  inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const checkpoint = await trained(folder, 1);
    const scan = await Deno.readFile(`${folder}/data/phantom_s3_0_ct.nii.gz`);
    const predict = async (image: string, out: string, ...more: string[]) => {
      const args = [
        "--checkpoint",
        checkpoint,
        "--device",
        "cpu",
        "--image",
        `ct=${image}`,
        "--out",
        out,
        ...more,
      ];
      const { code, stderr } = await runExample("predict", args, folder);
      return [code, /error\[([a-z.]+)\]/.exec(stderr)?.[1]];
    };
    for (const name of ["a.nii.gz", "b_p_liver.nii.gz"]) await Deno.writeFile(`${folder}/${name}`, scan);
    await Deno.symlink("a.nii.gz", `${folder}/link.nii.gz`);
    assert.deepEqual(await predict("a.nii.gz", "a.nii.gz", "--overwrite"), [1, "io.overwrite"]);
    assert.deepEqual(await predict("a.nii.gz", "link.nii.gz", "--overwrite"), [1, "io.overwrite"]);
    assert.deepEqual(await predict("link.nii.gz", "a.nii.gz", "--overwrite"), [1, "io.overwrite"]);
    assert.deepEqual(await predict("b_p_liver.nii.gz", "b.nii.gz", "--probabilities"), [1, "io.overwrite"]);
    assert.deepEqual(await predict("a.nii.gz", "b_p_liver.nii.gz"), [1, "io.exists"]);
    assert.deepEqual(await predict("a.nii.gz", checkpoint, "--overwrite"), [2, "usage"]);
    for (const name of ["a.nii.gz", "b_p_liver.nii.gz"]) {
      assert.deepEqual(await Deno.readFile(`${folder}/${name}`), scan);
    }
    const { affine, array } = await readNifti(`${folder}/a.nii.gz`);
    const far = volumeFrom(array.data, [16, 16, 16], affine.map((x, at) => at % 4 === 3 ? x + 500 : x));
    await writeNifti(`${folder}/far.nii.gz`, far);
    assert.deepEqual(await predict("a.nii.gz", "new.nii.gz", "--image", "mr=far.nii.gz"), [
      1,
      "geometry.apart",
    ]);
    assert.deepEqual(await predict("a.nii.gz", "new.nii.gz"), [0, undefined]);
    assert.deepEqual(await predict("a.nii.gz", "new.nii.gz"), [1, "io.exists"]);
    assert.deepEqual(await predict("a.nii.gz", "new.nii.gz", "--overwrite"), [0, undefined]);
  }));

Deno.test("predict --data leaves what is there of a case, and never replaces the data set's own label maps", () =>
  inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const checkpoint = await trained(folder, 1);
    const predict = (out: string, ...more: string[]) =>
      runExample("predict", [
        ...["--checkpoint", checkpoint, "--data", "data", "--out", out, "--device", "cpu", ...more],
      ], folder);
    const corrected = `${folder}/out/phantom_s3_0.nii.gz`;
    await Deno.mkdir(`${folder}/out`);
    await Deno.writeTextFile(corrected, "corrected by hand");
    const first = await predict("out", "--overlays");
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^case phantom_s3_0: left as they were: out\/phantom_s3_0\.nii\.gz$/m);
    assert.equal(await Deno.readTextFile(corrected), "corrected by hand");
    assert.ok((await Deno.stat(`${folder}/out/phantom_s3_0_ct.nii.gz`)).isFile);
    const path = `${folder}/data/dataset.json`, manifest = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, manifest.replaceAll("_labels.nii.gz", ".nii.gz"));
    for (const { name } of [...Deno.readDirSync(`${folder}/data`)]) {
      if (!name.endsWith("_labels.nii.gz")) continue;
      await Deno.rename(`${folder}/data/${name}`, `${folder}/data/${name.replace("_labels", "")}`);
    }
    const refused = await predict("data", "--overwrite");
    assert.match(refused.stderr, /error\[io\.overwrite\]: .*phantom_s3_0\.nii\.gz would be written over/);
  }));

Deno.test("predict refuses options that make no sense before anything is read", async () => {
  await inFreshFolder(async (folder) => {
    const given = ["--checkpoint", "c.safetensors", "--out", "x.nii.gz", "--image", "ct=a.nii.gz"];
    const refused = async (...args: string[]) => {
      const { code, stderr } = await runExample("predict", args, folder);
      assert.equal(code, 2, stderr);
      return stderr;
    };
    assert.match(await refused(...given, "--overlap", "1"), /--overlap 1: expected a share/);
    assert.match(await refused(...given.slice(0, 4)), /--image is missing/);
    assert.match(await refused(...given.slice(2)), /--checkpoint is missing/);
    assert.match(await refused(...given, "--image", "ct=b.nii.gz"), /modality ct is given twice/);
  });
});

Deno.test("predict and train --init say which of the files is wrong", () =>
  inFreshFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/metrics.json`, '{"best": 1}');
    const image = ["--image", "ct=a.nii.gz", "--out", "x.nii.gz", "--device", "cpu"];
    const predict = await runExample("predict", ["--checkpoint", "metrics.json", ...image], folder);
    assert.equal(predict.code, 1);
    assert.match(predict.stderr, /^error\[checkpoint\.format\]: metrics\.json: the file is no checkpoint/m);
    assert.match(predict.stderr, /^ {2}A checkpoint is a \.safetensors file/m);
    const train = await runExample("train", ["--init", "metrics.json", "--device", "cpu"], folder);
    assert.equal(train.code, 1);
    assert.match(train.stderr, /^error\[safetensors\.header\]: .*metrics\.json: the header claims/m);
  }));
