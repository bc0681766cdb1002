import assert from "node:assert/strict";
import type { DataError } from "../../data/errors.ts";
import { importFolder } from "../../data/import/folder.ts";
import { importManifest } from "../../data/import/import_manifest.ts";
import { followRecipe, importRecipe } from "../../data/import/recipe.ts";
import { manifestJsonSchema, parseManifest } from "../../data/manifest.ts";
import { datasetOf, openDataset } from "../../data/open_dataset.ts";
import { makeNifti } from "./make_nifti.ts";
import { manifestOf, preparationOf, withDataset } from "./make_dataset.ts";
import { realDataTest } from "./real_data.ts";

Deno.test("a Decathlon dataset.json becomes a manifest: 4-D channels, label gaps, unlabelled test images", async () => {
  const manifest = await importManifest(
    JSON.stringify({
      name: "BRATS",
      modality: { 1: "T1w", 0: "FLAIR" },
      labels: { 0: "background", 1: "edema", 4: "enhancing" },
      numTraining: 1,
      numTest: 1,
      training: [{ image: "./imagesTr/BRATS_457.nii.gz", label: "./labelsTr/BRATS_457.nii.gz" }],
      test: ["./imagesTs/BRATS_001.nii.gz"],
    }),
    "dataset.json",
  );
  assert.deepEqual(manifest.modalities, [{ id: "flair", kind: "mr" }, { id: "t1w", kind: "mr" }]);
  assert.deepEqual(manifest.classes, [{ id: 1, name: "edema" }, { id: 2, name: "enhancing" }]);
  assert.deepEqual(manifest.labelMap, { 1: 1, 4: 2 });
  assert.deepEqual(manifest.cases.map(({ id, labels }) => [id, labels?.shared]), [
    ["BRATS_001", undefined],
    ["BRATS_457", "labelsTr/BRATS_457.nii.gz"],
  ]);
  assert.equal(manifest.cases[1]!.images.t1w, "imagesTr/BRATS_457.nii.gz#channel=1");
});

Deno.test("each channel of a 4-D image is a modality of its own", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/x.nii`, makeNifti({ dim: [4, 4, 3, 2, 2, 1, 1, 1] }));
  const manifest = {
    ...manifestOf(1),
    cases: [{ id: "x", subject: "x", images: { a: "x.nii#channel=0", b: "x.nii#channel=1" } }],
  };
  const dataset = datasetOf(parseManifest(JSON.stringify(manifest), "m"), folder);
  const [a, b] = await dataset.loadImages(dataset.cases[0]!);
  assert.deepEqual([a!.array.get(0, 0, 1), b!.array.get(0, 0, 1)], [1, 25]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the CMC authors' list becomes an unpaired manifest without the masks of unlabelled pairs", async () => {
  const pair = (number: string, part: string) => ({
    img_CT: `${part}/images/amos_${number}_CT.nii.gz`,
    mask_CT: `${part}/masks/amos_${number}_CT_gt.nii.gz`,
    img_MRI: `${part}/images/amos_${number}_MRI.nii.gz`,
    mask_MRI: `${part}/masks/amos_${number}_MRI_gt.nii.gz`,
  });
  const manifest = await importManifest(
    JSON.stringify({
      labels: { 0: "background", 1: "spleen", 2: "right kidney" },
      numTraining: 40,
      training: [pair("0001", "train")],
      unlabeled_training: [pair("0002", "train")],
      validation: [pair("00049", "val")],
      testing: [pair("00056", "test")],
    }),
    "list.json",
  );
  assert.deepEqual([manifest.paired, manifest.aligned], [false, false]);
  assert.deepEqual(manifest.modalities, [{ id: "ct", kind: "ct" }, { id: "mri", kind: "mr" }]);
  assert.deepEqual(manifest.splits, {
    labelled: ["amos_0001"],
    unlabelled: ["amos_0002"],
    validation: ["amos_00049"],
    test: ["amos_00056"],
  });
  assert.equal(manifest.cases.find(({ id }) => id === "amos_0002")!.labels, undefined);
  assert.equal(manifest.cases[0]!.labels!.mri, "train/masks/amos_0001_MRI_gt.nii.gz");
});

Deno.test("importFolder() finds cases by pattern, wherever the placeholders are", async () => {
  await withDataset(2, async (folder) => {
    const modalities = [{ id: "a", kind: "mr" }, { id: "b", kind: "mr" }] as const;
    const common = { name: "x", modalities, classes: [{ id: 1, name: "left" }, { id: 2, name: "right" }] };
    const images = "{modality}/{case}.nii.gz", labels = "labels/{case}.nii.gz";
    const { manifest } = await importFolder(folder, { ...common, images, labels });
    assert.deepEqual(manifest.cases, manifestOf(2).cases.map((of) => ({ ...of, subject: of.id })));
    const one = { ...common, modalities: modalities.slice(0, 1), images: "a/{subject}_{case}.nii.gz" };
    const [single] = (await importFolder(folder, one)).manifest.cases;
    assert.deepEqual(single, { id: "case_0", subject: "case", images: { a: "a/case_0.nii.gz" } });
    await Deno.remove(`${folder}/b/case_1.nii.gz`);
    assert.equal((await importFolder(folder, { ...common, images, labels })).manifest.paired, false);
    const refused = (error: DataError) => error.code === "manifest.pattern";
    await assert.rejects(importFolder(folder, { ...common, images: "{case}_{modality}.nii" }), refused);
    await assert.rejects(importFolder(folder, { ...common, images: "{modality}/x.nii.gz" }), refused);
    await assert.rejects(importFolder(folder, { ...common, images: "a/{case}.nii.gz" }), refused);
  });
});

Deno.test("a recipe is a manifest with patterns in place of cases, for its own folder or another", async () => {
  await withDataset(2, async (folder) => {
    const { cases: _, paired: __, ...rest } = manifestOf(2);
    const recipe = JSON.stringify({
      ...rest,
      images: "{modality}/{case}.nii.gz",
      labels: "labels/{case}.nii.gz",
    });
    await Deno.writeTextFile(`${folder}/recipe.json`, recipe);
    assert.equal((await openDataset(`${folder}/recipe.json`)).cases.length, 2);
    assert.equal((await importRecipe(`${folder}/recipe.json`)).cases.length, 2);
    assert.equal((await followRecipe(recipe, "/elsewhere/recipe.json", { folder })).manifest.cases.length, 2);
    await assert.rejects(
      importRecipe(`${folder}/none.json`),
      (error: DataError) => error.code === "data.path",
    );
    await assert.rejects(
      followRecipe('{"images": 3}', "r.json"),
      (error: DataError) => error.code === "manifest.schema",
    );
  });
});

Deno.test("manifestJsonSchema() describes every field and refuses unknown ones", () => {
  const schema = manifestJsonSchema() as {
    properties: Record<string, unknown>;
    additionalProperties: boolean;
  };
  assert.equal(schema.additionalProperties, false);
  for (
    const key of [
      "version",
      "name",
      "modalities",
      "classes",
      "paired",
      "aligned",
      "cases",
      "splits",
      "labelMap",
    ]
  ) {
    assert.ok(key in schema.properties, key);
  }
  JSON.stringify(schema);
});

realDataTest(
  "modalities on grids of their own are brought onto one through both affines",
  async (folder) => {
    const { prepareCase } = await import("../../data/prepare/prepare.ts");
    const { manifest } = await importFolder(`${folder}/paired/isles22`, {
      name: "isles22",
      images: "{case}/{case}_{modality}.nii.gz",
      modalities: [{ id: "dwi", kind: "mr" }, { id: "flair", kind: "mr" }],
      classes: [{ id: 1, name: "infarct" }],
    });
    const dataset = datasetOf(manifest, `${folder}/paired/isles22`);
    const of = dataset.cases.find(({ id }) => id.includes("0009"))!;
    const preparation = await preparationOf(dataset);
    assert.equal(preparation.oneGrid, false);
    const [dwi, flair] = (await prepareCase(dataset, of, preparation)).images;
    assert.deepEqual(flair!.shape, dwi!.shape);
    assert.deepEqual(flair!.affine, dwi!.affine);
    // The head is in the same place: where one is background the other mostly is too.
    const bright = (image: Float32Array) => Uint8Array.from(image, (v) => Number(v > 0));
    const a = bright(dwi!.data), b = bright(flair!.data);
    const both = a.reduce((sum, v, i) => sum + (v & b[i]!), 0);
    const dice = 2 * both / (a.reduce((x, y) => x + y, 0) + b.reduce((x, y) => x + y, 0));
    assert.ok(dice > 0.6, `${dice}`);
  },
);
