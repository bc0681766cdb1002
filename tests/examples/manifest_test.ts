import assert from "node:assert/strict";
import { manifestOf, withDataset } from "../data/make_dataset.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

Deno.test("manifest lists what a recipe matches and leaves out, writes it once, and the others read it", async () => {
  await withDataset(2, (data) =>
    inFreshFolder(async (cwd) => {
      await Deno.remove(`${data}/dataset.json`);
      await Deno.rename(`${data}/labels/case_1.nii.gz`, `${data}/labels/case_1_v2.nii.gz`);
      const { cases: _, paired: __, ...rest } = manifestOf(2);
      const recipe = { ...rest, images: "{modality}/{case}.nii.gz", labels: "labels/{case}.nii[.gz]" };
      await Deno.writeTextFile(`${cwd}/recipe.json`, JSON.stringify(recipe));
      const args = [data, "--recipe", "recipe.json"];
      const over = await runExample("manifest", [...args, "--out", "recipe.json", "--overwrite"], cwd);
      assert.match(over.stderr, /error\[io\.overwrite\].*recipe\.json/);
      const listed = await runExample("manifest", args, cwd);
      assert.equal(listed.code, 0, listed.stderr);
      assert.match(
        listed.stdout,
        /^small: 2 cases of 2 subjects, 1 with labels; images: a 2, b 2\n {2}case_0: a\/case_0/,
      );
      assert.match(
        listed.stdout,
        /1 files are not used:\n {2}labels\/case_1_v2\.nii\.gz is a label map without an image/,
      );

      const out = ["--out", `${cwd}/m.json`];
      assert.equal((await runExample("manifest", [...args, ...out], cwd)).code, 0);
      const again = await runExample("manifest", [...args, ...out, "--json"], cwd);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /^error\[io\.write\]: .*m\.json is already there\n.*--overwrite/);
      assert.equal((await runExample("manifest", [...args, ...out, "--overwrite"], cwd)).code, 0);

      const verified = await runExample("verify", ["m.json", "--patch", "4,4,4"], cwd);
      assert.match(verified.stdout, /^2 checked: 0 errors, 0 warnings/);
      const one = await runExample("train", ["--data", "m.json", "--modalities", "c", "--dry-run"], cwd);
      assert.match(one.stderr, /^error\[config\.modality\]: modalities c of a, b/);
      assert.equal((await runExample("train", ["--modalities", "a"], cwd)).code, 2);
    }));
});

Deno.test("manifest without a recipe guesses one from the names of the files, and train takes it", async () => {
  await withDataset(4, (data) =>
    inFreshFolder(async (cwd) => {
      await Deno.remove(`${data}/dataset.json`);
      const refused = await runExample("train", ["--data", data, "--dry-run"], cwd);
      assert.match(refused.stderr, /^error\[manifest\.missing\]: .*\n.*deno task manifest DIR/);
      const { code, stdout, stderr } = await runExample("manifest", [data, "--json"], cwd);
      assert.equal(code, 0, stderr);
      const { recipe } = JSON.parse(stdout);
      assert.deepEqual(recipe.images, { a: "a/{case}.nii.gz", b: "b/{case}.nii.gz" });
      assert.equal(recipe.labels, "labels/{case}.nii.gz");
      assert.deepEqual(recipe.classes, [{ id: 1, name: "class 1" }, { id: 2, name: "class 2" }]);
      await Deno.writeTextFile(`${cwd}/recipe.json`, JSON.stringify(recipe));
      const listed = await runExample("manifest", [data, "--recipe", "recipe.json"], cwd);
      assert.match(listed.stdout, /: 4 cases of 4 subjects, 4 with labels; images: a 4, b 4\n/);
      const none = await runExample("manifest", [cwd], cwd);
      assert.match(none.stderr, /^error\[manifest\.pattern\]: no way of naming is seen/);
    }));
});
