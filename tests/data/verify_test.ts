import assert from "node:assert/strict";
import { fingerprint } from "../../data/fingerprint.ts";
import { openDataset } from "../../data/open_dataset.ts";
import { verifyDataset } from "../../data/verify.ts";
import { imageFile, inBlock, labelFile, withDataset } from "./make_dataset.ts";

Deno.test("verifyDataset() finds nothing in a sound data set", async () => {
  await withDataset(3, async (folder) => {
    assert.deepEqual(await verifyDataset(folder), { checked: 3, problems: [] });
  });
});

Deno.test("verifyDataset() reports a data set broken in many ways in one pass, each with its case and a fix", async () => {
  await withDataset(12, async (folder, manifest) => {
    const write = (file: string, bytes: Uint8Array) => Deno.writeFile(`${folder}/${file}`, bytes);
    const cut = await Deno.readFile(`${folder}/a/case_0.nii.gz`);
    await write("a/case_0.nii.gz", cut.subarray(0, cut.length - 30));
    const flipped = await Deno.readFile(`${folder}/b/case_1.nii.gz`);
    flipped[flipped.length - 6]! ^= 1;
    await write("b/case_1.nii.gz", flipped);
    await write(
      "a/case_2.nii.gz",
      imageFile({ datatype: 16 }, (at) => at === 9 ? NaN : inBlock(at) ? at : 0),
    );
    await write("a/case_3.nii.gz", imageFile({}, (at) => inBlock(at) ? 7 : 0));
    await write("labels/case_4.nii.gz", labelFile({}, (at) => inBlock(at) ? 9 : 0));
    await write("labels/case_5.nii.gz", labelFile({ srow: [2, 0, 0, 60, 0, 3, 0, -6, 0, 0, 4, -7] }));
    await Deno.copyFile(`${folder}/b/case_7.nii.gz`, `${folder}/b/case_6.nii.gz`);
    await Deno.remove(`${folder}/b/case_8.nii.gz`);
    manifest.cases[9]!.labels = { shared: "../elsewhere.nii.gz" };
    await write("b/case_10.nii.gz", imageFile({ srow: [2, 0, 0, 900, 0, 3, 0, -6, 0, 0, 4, -7] }));
    await write("labels/case_10.nii.gz", labelFile({}, () => 0));
    await write("a/case_11.nii.gz", imageFile({ sformCode: 0 }));
    const splits = { labelled: ["case_4"], unlabelled: [], validation: ["case_4"], test: [] };
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify({ ...manifest, splits }));

    const { problems } = await verifyDataset(folder);
    const has = (severity: string, code: string, pattern: RegExp) =>
      assert.ok(
        problems.some((of) => of.severity === severity && of.code === code && pattern.test(of.message)),
        `${code} ${pattern}\n${problems.map(({ code, message }) => `${code}: ${message}`).join("\n")}`,
      );
    has("error", "gzip.truncated", /case_0/);
    has("error", "gzip.crc", /case_1/);
    has("error", "data.nonfinite", /case case_2 \(a\): 1 voxels/);
    has("error", "data.constant", /case case_3 \(a\)/);
    has("error", "label.values", /case case_4 .*9 \(64 voxels\).*0\.\.2/);
    has("error", "geometry.mismatch", /case case_5/);
    has("error", "split.leak", /case_7 \(b\) and case case_6 \(b\)/);
    has("error", "data.path", /case_8\.nii\.gz does not exist/);
    has("error", "manifest.path", /case_9/);
    has("error", "geometry.apart", /case case_10 \(b\)/);
    has("warning", "label.empty", /case case_10/);
    has("warning", "geometry.unknown", /case_11/);
    has("error", "split.leak", /subject person_4/);
    assert.ok(problems.every(({ severity, fix }) => severity === "warning" || fix !== undefined));
  });
});

Deno.test("verifyDataset() does not say that a class is nowhere while label maps could not be read", async () => {
  await withDataset(2, async (folder, manifest) => {
    const codes = async (labelMap: Record<string, number>) => {
      await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify({ ...manifest, labelMap }));
      return (await verifyDataset(folder)).problems.map(({ code, message }) => `${code}: ${message}`);
    };
    const [first, ...rest] = await codes({ 0: 0, 2: 2 });
    assert.match(first!, /^label\.values: .*has values 1 \(.*; expected 0, 2$/);
    assert.ok(rest.every((problem) => problem.startsWith("label.values")), rest.join("\n"));
    assert.deepEqual(await codes({ 0: 0, 1: 2, 2: 2 }), ["label.missing: class 1 (left) occurs in no case"]);
  });
});

Deno.test("verifyDataset() lists all problems of a manifest, not only the first", async () => {
  await withDataset(2, async (folder, manifest) => {
    manifest.cases[1]!.id = "case_0";
    manifest.classes[1]!.id = 5;
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    const { problems } = await verifyDataset(folder);
    assert.deepEqual(problems.slice(0, 2).map(({ code }) => code), ["manifest.classes", "manifest.case"]);
    await Deno.writeTextFile(`${folder}/dataset.json`, "{");
    assert.deepEqual((await verifyDataset(folder)).problems.map(({ code }) => code), ["manifest.json"]);
  });
});

Deno.test("verifyDataset() checks each file of a folder without a manifest", async () => {
  await withDataset(2, async (folder) => {
    await Deno.remove(`${folder}/dataset.json`);
    await Deno.writeFile(`${folder}/a/case_0.nii.gz`, new Uint8Array(10));
    const { checked, problems } = await verifyDataset(folder);
    assert.equal(checked, 6);
    assert.deepEqual(problems.map(({ code }) => code), ["manifest.missing", "nifti.short"]);
  });
});

Deno.test("fingerprint() sums up shapes, spacings, intensities and class volumes", async () => {
  await withDataset(2, async (folder) => {
    const { cases, labelled, modalities, classes } = await fingerprint(await openDataset(folder));
    assert.deepEqual([cases, labelled], [2, 2]);
    assert.deepEqual(modalities[0]!.shape[0], { min: 6, median: 6, max: 6 });
    assert.deepEqual(modalities[0]!.spacing.map(({ median }) => median), [4, 3, 2]);
    assert.ok(modalities[0]!.intensity!.min >= 50 && modalities[0]!.intensity!.max <= 57);
    // 4 × 4 × 4 voxels of 24 mm³, half of them left, half right.
    assert.deepEqual(classes.map(({ present, volumeMl }) => [present, volumeMl!.median]), [[2, 0.768], [
      2,
      0.768,
    ]]);
  });
});

Deno.test("verifyDataset() warns of fields of view that hardly overlap, and compares volumes with a patch", async () => {
  await withDataset(2, async (folder) => {
    // 6 voxels of 2 mm: moved by two voxels, each sees two thirds of the other.
    const moved = imageFile({ srow: [2, 0, 0, -1, 0, 3, 0, -6, 0, 0, 4, -7] });
    await Deno.writeFile(`${folder}/b/case_1.nii.gz`, moved);
    const found = await verifyDataset(folder, { patch: [8, 8, 8] });
    assert.deepEqual(found.problems.map(({ code }) => code), [
      "geometry.overlap",
      "geometry.grids",
      "geometry.patch",
    ]);
    assert.match(found.problems[0]!.message, /case case_1 \(b\).*share only (6|7)\d %/);
    assert.match(found.problems[2]!.message, /4 of 4 images .* 8×8×8/);
  });
});

Deno.test("verifyDataset() checks the files although two classes have one name, and takes two raters of one person", async () => {
  await withDataset(2, async (folder, manifest) => {
    manifest.classes[1]!.name = manifest.classes[0]!.name;
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    const { checked, problems } = await verifyDataset(folder);
    assert.deepEqual([checked, problems.map(({ code }) => code)], [2, ["manifest.classes"]]);
    manifest.classes[1]!.name = "right";
    manifest.cases[1] = {
      ...manifest.cases[0]!,
      id: "second_rater",
      labels: { shared: "labels/case_1.nii.gz" },
    };
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    assert.deepEqual((await verifyDataset(folder)).problems, []);
    manifest.cases[1]!.subject = "someone else";
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    assert.ok((await verifyDataset(folder)).problems.every(({ code }) => code === "split.leak"));
  });
});
