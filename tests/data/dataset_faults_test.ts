/** Data sets as people make them, one test a row of the table of faults (rows 24–35). */

import assert from "node:assert/strict";
import { type LabelledCase, withoutLabels } from "../../data/dataset.ts";
import type { DataError, DataWarning } from "../../data/errors.ts";
import { hashSplit } from "../../data/file_hashes.ts";
import { diskFiles } from "../../data/files.ts";
import { importManifest } from "../../data/import/import_manifest.ts";
import { checkLabelledClasses } from "../../data/label_check.ts";
import { BatchLoader } from "../../data/loader.ts";
import { parseManifest } from "../../data/manifest.ts";
import { openDataset, type OpenOptions } from "../../data/open_dataset.ts";
import { prepareCase } from "../../data/prepare/prepare.ts";
import { splitByLabelRatio } from "../../data/split.ts";
import { imageFile, inBlock, labelFile, manifestOf, preparationOf, withDataset } from "./make_dataset.ts";

async function refused(code: string, promise: Promise<unknown>, message = /./): Promise<void> {
  await assert.rejects(promise, (error: DataError) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

/** The code of the warning or error that loading case 0 gives, once one of its files is replaced. */
async function loading(file: string, bytes: Uint8Array, options: OpenOptions = {}): Promise<string> {
  let outcome = "fine";
  await withDataset(1, async (folder) => {
    await Deno.writeFile(`${folder}/${file}`, bytes);
    const dataset = await openDataset(folder, { ...options, onWarning: ({ code }) => outcome = `W ${code}` });
    try {
      await dataset.loadImages(dataset.cases[0]!);
      await dataset.loadLabels(dataset.cases[0] as LabelledCase);
    } catch (error) {
      outcome = (error as DataError).code;
    }
  });
  return outcome;
}

const image = "a/case_0.nii.gz", labels = "labels/case_0.nii.gz";

Deno.test("fault 24: NaN and infinite voxels are refused, or zeroed when that was asked for", async () => {
  const bad = imageFile(
    { datatype: 16 },
    (at) => at === 50 ? NaN : at === 51 ? Infinity : inBlock(at) ? at : 0,
  );
  assert.equal(await loading(image, bad), "data.nonfinite");
  assert.equal(await loading(image, bad, { nanPolicy: "zero" }), "W data.nonfinite");
  await withDataset(1, async (folder) => {
    await Deno.writeFile(`${folder}/${image}`, bad);
    const dataset = await openDataset(folder, { nanPolicy: "zero" });
    const [volume] = await dataset.loadImages(dataset.cases[0]!);
    assert.deepEqual([volume!.array.data[50], volume!.array.data[51]], [0, 0]);
  });
});

Deno.test("fault 25: a constant image is refused with its case, not divided by 0", async () => {
  for (const value of [() => 7, () => 0, (at: number) => inBlock(at) ? 7 : 0]) {
    await withDataset(1, async (folder) => {
      await Deno.writeFile(`${folder}/${image}`, imageFile({}, value));
      const dataset = await openDataset(folder), preparation = await preparationOf(dataset);
      await refused(
        "data.constant",
        prepareCase(dataset, dataset.cases[0]!, preparation),
        /case case_0 \(a\)/,
      );
    });
  }
});

Deno.test("fault 26: label values outside the classes are refused with their counts", async () => {
  assert.equal(await loading(labels, labelFile({}, (at) => at < 5 ? 3 : 0)), "label.values");
  assert.equal(await loading(labels, labelFile({ datatype: 16 }, (at) => at / 10)), "label.values");
});

Deno.test("fault 27: an empty label is a warning, a class nobody has stops the training", async () => {
  assert.equal(await loading(labels, labelFile({}, () => 0)), "W label.empty");
  await withDataset(2, async (folder) => {
    const onlyLeft = labelFile({}, (at) => inBlock(at) ? 1 : 0);
    await Deno.writeFile(`${folder}/labels/case_0.nii.gz`, onlyLeft);
    const dataset = await openDataset(folder);
    const warnings = await checkLabelledClasses(dataset, { labelled: ["case_0", "case_1"] });
    assert.deepEqual(warnings.map(({ code }) => code), ["label.absent", "label.absent"]);
    assert.match(warnings[0]!.message, /case_0 \(image 1\) has no right/);
    await refused("label.missing", checkLabelledClasses(dataset, { labelled: ["case_0"] }), /has right/);
  });
});

Deno.test("fault 28: labels must lie on the grid of their image", async () => {
  const shifted = (mm: number) => labelFile({ srow: [2, 0, 0, -5 + mm, 0, 3, 0, -6, 0, 0, 4, -7] });
  assert.equal(await loading(labels, shifted(1e-6)), "fine");
  assert.equal(await loading(labels, shifted(0.1)), "W geometry.mismatch");
  assert.equal(await loading(labels, shifted(5)), "geometry.mismatch");
  assert.equal(
    await loading(labels, labelFile({ srow: [2, 0, 0, -5, 0, 3.5, 0, -6, 0, 0, 4, -7] })),
    "geometry.mismatch",
  );
  const small = labelFile({ dim: [3, 5, 5, 5, 1, 1, 1, 1], data: new Uint8Array(125) });
  assert.equal(await loading(labels, small), "geometry.mismatch");
});

Deno.test("fault 29: a missing side of a pair is refused unless the set says it is unpaired", () => {
  const manifest = manifestOf(3);
  delete manifest.cases[1]!.images.b;
  const parse = (of: unknown) => parseManifest(JSON.stringify(of), "m.json");
  assert.throws(
    () => parse(manifest),
    (error: DataError) => error.code === "manifest.unpaired" && /case_1 \(no b\)/.test(error.message),
  );
  assert.equal(parse({ ...manifest, paired: false }).cases.length, 3);
});

Deno.test("fault 29: an unpaired set gives each modality a case of its own", async () => {
  await withDataset(4, async (folder, manifest) => {
    delete manifest.cases[0]!.images.a, delete manifest.cases[1]!.images.b;
    await Deno.writeTextFile(
      `${folder}/dataset.json`,
      JSON.stringify({ ...manifest, paired: false, aligned: false }),
    );
    const dataset = await openDataset(folder);
    const preparation = await preparationOf(dataset);
    const split = { labelled: dataset.cases.map(({ id }) => id), unlabelled: [], validation: [], test: [] };
    const loader = new BatchLoader(dataset, split, {
      preparation,
      patch: [4, 4, 4],
      labelled: 2,
      unlabelled: 1,
      seed: 1,
    });
    const batches = await Promise.all([0, 1, 2].map((step) => loader.labelledBatch(step)));
    for (const id of batches.flatMap(({ cases }) => cases)) {
      const [a, b] = id.split("|");
      assert.ok(a !== "case_0" && b !== "case_1", id);
    }
    assert.equal(batches[0]!.labels.length, 2);
  });
});

Deno.test("fault 30: the same id, file or person twice", async () => {
  const manifest = manifestOf(2);
  manifest.cases[1]!.id = "case_0";
  await refused(
    "manifest.case",
    Promise.resolve().then(() => parseManifest(JSON.stringify(manifest), "m.json")),
  );
  await withDataset(3, async (folder) => {
    await Deno.copyFile(`${folder}/a/case_0.nii.gz`, `${folder}/a/case_2.nii.gz`);
    const dataset = await openDataset(folder);
    const split = { labelled: ["case_0"], unlabelled: ["case_1"], validation: [], test: ["case_2"] };
    await refused("split.leak", hashSplit(dataset, split), /a image of case_2 \(test\).*case_0 \(training\)/);
    const clean = { ...split, unlabelled: ["case_2"], test: ["case_1"] };
    assert.equal(Object.keys(await hashSplit(dataset, clean)).length, 3);
    const preparation = await preparationOf(dataset);
    const loader = () =>
      new BatchLoader(dataset, { ...split, test: ["case_0"] }, {
        preparation,
        patch: [4, 4, 4],
        labelled: 1,
        unlabelled: 1,
        seed: 0,
      });
    assert.throws(loader, (error: DataError) => error.code === "split.leak");
  });
});

Deno.test("fault 31: a ratio that asks for less than one subject labels one, with a warning", () => {
  const { cases } = parseManifest(JSON.stringify(manifestOf(10)), "m.json");
  const warnings: DataWarning[] = [];
  const onWarning = (warning: DataWarning) => warnings.push(warning);
  const split = splitByLabelRatio({ cases: cases as LabelledCase[] }, {
    ratio: 0.001,
    seed: 1,
    validation: 0,
    test: 0,
    onWarning,
  });
  assert.equal(split.labelled.length, 1);
  assert.deepEqual(warnings.map(({ code }) => code), ["split.rounded"]);
});

Deno.test("fault 32: an empty unlabelled list is known beforehand, a short one is gone through again", async () => {
  await withDataset(3, async (folder) => {
    const dataset = await openDataset(folder);
    const preparation = await preparationOf(dataset);
    const options = { preparation, patch: [4, 4, 4], labelled: 1, unlabelled: 2, seed: 1 } as const;
    const all = { labelled: ["case_0", "case_1"], unlabelled: [], validation: [], test: ["case_2"] };
    const without = new BatchLoader(dataset, all, options);
    assert.equal(without.hasUnlabelled, false);
    await refused("split.empty", without.unlabelledBatch(0), /unlabelled/);
    const short = new BatchLoader(dataset, { ...all, labelled: ["case_0"], unlabelled: ["case_1"] }, options);
    assert.deepEqual((await short.unlabelledBatch(5)).cases, ["case_1", "case_1"]);
  });
});

Deno.test("fault 32: no label file is opened for the unlabelled stream", async () => {
  await withDataset(3, async (folder) => {
    const opened: string[] = [];
    const files = {
      ...diskFiles,
      stream: (path: string) => {
        opened.push(path);
        return diskFiles.stream(path);
      },
    };
    const dataset = await openDataset(folder, { files });
    const preparation = await preparationOf(dataset, dataset.cases.map(withoutLabels));
    const split = { labelled: ["case_0"], unlabelled: ["case_1"], validation: [], test: ["case_2"] };
    const loader = new BatchLoader(dataset, split, {
      preparation,
      patch: [4, 4, 4],
      labelled: 1,
      unlabelled: 1,
      seed: 1,
    });
    for (let step = 0; step < 3; step++) await loader.unlabelledBatch(step);
    assert.deepEqual(opened.filter((path) => path.includes("labels")), []);
    await loader.labelledBatch(0);
    assert.deepEqual(opened.filter((path) => path.includes("labels")), [`${folder}/labels/case_0.nii.gz`]);
  });
});

Deno.test("fault 33: manifests that are broken, incomplete or lead out of their folder", async () => {
  const parse = async (of: unknown) =>
    await importManifest(typeof of === "string" ? of : JSON.stringify(of), "/data/m.json");
  await refused("manifest.json", parse('{\n  "version": 1,\n  "name" "x"\n}'), /line 3, column 1[0-9]/);
  await refused("manifest.schema", parse([1]), /JSON object/);
  const { classes: _, ...withoutClasses } = manifestOf(1);
  await refused("manifest.schema", parse(withoutClasses), /classes: /);
  await refused("manifest.schema", parse({ ...manifestOf(1), colour: "red" }), /colour/);
  await refused("manifest.schema", parse({ ...manifestOf(1), version: 2 }), /version/);
  await refused("manifest.schema", parse({ ...manifestOf(1), cases: [] }), /cases/);
  await refused(
    "manifest.classes",
    parse({ ...manifestOf(1), classes: [{ id: 2, name: "x" }] }),
    /expected 1/,
  );
  for (const path of ["../x.nii", "a/../../x.nii", "/etc/x.nii", "C:\\x.nii", "a\\..\\..\\x.nii"]) {
    const manifest = manifestOf(1);
    manifest.cases[0]!.images.a = path;
    await refused("manifest.path", parse(manifest), /leads out/);
  }
  const strange = manifestOf(1);
  strange.cases[0]!.images.c = "c.nii";
  await refused("manifest.modalities", parse(strange), /case_0 has c/);
  const decathlon = {
    modality: { 0: "CT" },
    labels: { 0: "background", 1: "spleen" },
    numTraining: 2,
    training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
  };
  await refused("manifest.count", parse(decathlon), /numTraining is 2, but 1/);
});

Deno.test("fault 33: a folder without a manifest, and a link that leads out of the folder", async () => {
  await withDataset(1, async (folder) => {
    const outside = await Deno.makeTempDir();
    await Deno.rename(`${folder}/a/case_0.nii.gz`, `${outside}/case_0.nii.gz`);
    await Deno.symlink(`${outside}/case_0.nii.gz`, `${folder}/a/case_0.nii.gz`);
    const dataset = await openDataset(folder);
    await refused("manifest.path", dataset.loadImages(dataset.cases[0]!), /is a link to/);
    await refused("manifest.missing", openDataset(outside));
    await refused("data.path", openDataset(`${outside}/none.json`));
    await Deno.remove(outside, { recursive: true });
  });
});

Deno.test("fault 35: patches larger than the volume, more patches than cases, and sizes of nothing", async () => {
  await withDataset(2, async (folder) => {
    const dataset = await openDataset(folder);
    const split = { labelled: ["case_0"], unlabelled: ["case_1"], validation: [], test: [] };
    const preparation = await preparationOf(dataset);
    const options = { preparation, patch: [16, 8, 8], labelled: 3, unlabelled: 3, seed: 1 } as const;
    const batch = await new BatchLoader(dataset, split, options).labelledBatch(0);
    assert.deepEqual([batch.cases, batch.images[0]!.length], [["case_0", "case_0", "case_0"], 3 * 16 * 64]);
    assert.ok(batch.images[0]!.every(Number.isFinite));
    for (const wrong of [{ patch: [0, 8, 8] }, { patch: [8, 8, 1.5] }, { labelled: 0 }]) {
      assert.throws(
        () => new BatchLoader(dataset, split, { ...options, ...wrong } as never),
        (error: DataError) => error.code === "config.batch",
      );
    }
  });
});
