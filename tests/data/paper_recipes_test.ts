/** The recipes and the manifest of the documentation, on made-up folders of the right names and label values. */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isLabelled } from "../../data/dataset.ts";
import { importRecipe } from "../../data/import/recipe.ts";
import { parseManifest } from "../../data/manifest.ts";
import { datasetOf } from "../../data/open_dataset.ts";
import { verifyRecipe } from "../../data/verify.ts";
import { imageFile, inBlock, labelFile } from "./make_dataset.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const recipeFile = (name: string) => `${root}/examples/recipes/${name}.json`;

interface Task {
  readonly recipe: string;
  readonly images: readonly string[];
  readonly labels: readonly string[];
  /** Values in the label files. */
  readonly values: readonly number[];
  /** Labels that are read of them. */
  readonly read: readonly number[];
  /** Id, modalities and `+` for labels, of each case. */
  readonly cases: readonly string[];
  readonly modalities?: readonly string[];
}

const amos = {
  images: ["imagesTr/amos_0004", "imagesTr/amos_0507", "imagesVa/amos_0499", "imagesTs/amos_0600"],
  labels: ["labelsTr/amos_0004", "labelsTr/amos_0507", "labelsVa/amos_0499"],
  values: Array.from({ length: 16 }, (_, value) => value),
  cases: ["0004 ct +", "0499 ct +", "0507 mr +", "0600 mr"],
};
const heart = {
  recipe: "ms_cmrseg",
  images: ["C0", "LGE", "T2"].flatMap((sequence) => [1, 2].map((n) => `c0t2lge/patient${n}_${sequence}`)),
  labels: ["c0gt/patient1_C0_manual", "t2gt/patient1_T2_manual", "lgegt/patient1_LGE_manual"]
    .concat("c0gt/patient2_C0_manual", "t2gt/patient2_T2_manual"),
  values: [0, 200, 500, 600],
  read: [0, 1, 2, 3],
};
const tasks: readonly Task[] = [
  { recipe: "amos", ...amos, read: Array.from({ length: 14 }, (_, value) => value) },
  { recipe: "amos_four_organs", ...amos, read: [0, 1, 2, 3, 4] },
  { ...heart, cases: ["patient1 bssfp lge t2 +", "patient2 bssfp lge t2"] },
  { ...heart, cases: ["patient1 bssfp t2 +", "patient2 bssfp t2 +"], modalities: ["bssfp", "t2"] },
  {
    recipe: "orbit_t1_t1c",
    images: ["p1/T1", "p1/T1c", "p2/004_T1", "p2/011_T1c"],
    labels: ["p1/label"],
    values: [0, 1, 2, 3, 4, 5, 6],
    read: [0, 1, 2, 3, 4, 5, 6],
    cases: ["p1 t1 t1c +", "p2 t1 t1c"],
  },
];

Deno.test("each of the paper's tasks has a recipe that reads its names and label values", async (t) => {
  for (const { recipe, images, labels, values, read, cases, modalities } of tasks) {
    await t.step(`${recipe} ${modalities ?? ""}`, async () => {
      const folder = await Deno.makeTempDir();
      const write = async (file: string, bytes: Uint8Array) => {
        await Deno.mkdir(dirname(`${folder}/${file}`), { recursive: true });
        await Deno.writeFile(`${folder}/${file}.nii.gz`, bytes);
      };
      for (const [i, file] of images.entries()) {
        await write(
          file,
          imageFile({}, (at) => inBlock(at) ? 40 + i + at % 9 : recipe.startsWith("amos") ? -900 : 0),
        );
      }
      for (const file of labels) {
        await write(
          file,
          labelFile({ datatype: 512 }, (at) => values[at % values.length]!),
        );
      }
      const { problems } = await verifyRecipe(recipeFile(recipe), folder);
      assert.deepEqual(problems.filter(({ severity }) => severity === "error"), []);
      const manifest = await importRecipe(recipeFile(recipe), { folder });
      const set = datasetOf(manifest, folder, modalities === undefined ? {} : { modalities });
      assert.deepEqual(
        set.cases.map((of) =>
          [of.id, ...Object.keys(of.images).sort(), ...isLabelled(of) ? ["+"] : []].join(" ")
        ),
        cases,
      );
      const [first] = set.cases.filter(isLabelled);
      const found = new Set((await set.loadLabels(first!))[0]!.array.data);
      assert.deepEqual([...found].sort((a, b) => a - b), read);
      await Deno.remove(folder, { recursive: true });
    });
  }
});

Deno.test("the other recipes can be followed, and the manifest of the README is one", async () => {
  for await (const { name } of Deno.readDir(`${root}/examples/recipes`)) {
    if (!name.endsWith(".json")) continue;
    await assert.rejects(
      importRecipe(`${root}/examples/recipes/${name}`, { folder: `${root}/examples/recipes` }),
      {
        code: "manifest.pattern",
        message: /no file below/,
      },
    );
  }
  const readme = await Deno.readTextFile(`${root}/README.md`);
  const [, manifest] = /```json\n(\{\n {2}"version": 1[^`]*)```/.exec(readme)!;
  assert.equal(parseManifest(manifest!, "README.md").cases.length, 2);
});
