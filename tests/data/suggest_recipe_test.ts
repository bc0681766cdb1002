import assert from "node:assert/strict";
import { suggestRecipe } from "../../data/mod.ts";

const of = (paths: readonly string[]) => suggestRecipe(paths, "x")?.recipe;

Deno.test("suggestRecipe() reads names with the case first, in folders of cases, and in folders of modalities", () => {
  const ids = ["p1", "p2", "p3"];
  const flat = of(ids.flatMap((id) => [`${id}_T1.nii.gz`, `${id}_ct.nii`, `${id}_seg.nii.gz`]))!;
  assert.deepEqual(flat.images, { T1: "{case}_T1.nii.gz", ct: "{case}_ct.nii" });
  assert.deepEqual([flat.labels, flat.modalities.map(({ kind }) => kind)], ["{case}_seg.nii.gz", [
    "mr",
    "ct",
  ]]);
  const nested = of(ids.flatMap((id) => [`${id}/${id}-flair.nii.gz`, `${id}/${id}-mask.nii.gz`]))!;
  assert.deepEqual([nested.images, nested.labels], [
    { flair: "{case}/{case}-flair.nii.gz" },
    "{case}/{case}-mask.nii.gz",
  ]);
  const folders = of(ids.flatMap((id) => [`imagesTr/${id}.nii.gz`, `labelsTr/${id}.nii.gz`]))!;
  assert.deepEqual([folders.images, folders.labels], [
    { imagesTr: "imagesTr/{case}.nii.gz" },
    "labelsTr/{case}.nii.gz",
  ]);
  const inside = of(ids.flatMap((id) => [`${id}/pd.nii.gz`, `${id}/segmentation.nii.gz`]))!;
  assert.deepEqual([inside.images, inside.labels], [
    { pd: "{case}/pd.nii.gz" },
    "{case}/segmentation.nii.gz",
  ]);
});

Deno.test("suggestRecipe() makes nothing of names that follow no way, or of labels alone", () => {
  assert.equal(of([]), undefined);
  assert.equal(of(["scan1.nii.gz", "notes.txt"]), undefined);
  assert.equal(of(["a_seg.nii.gz", "a_mask.nii.gz", "b_seg.nii.gz", "b_mask.nii.gz"]), undefined);
});
