/** What a resumed run must have in common with the run it goes on with. */

import assert from "node:assert/strict";
import { openDataset, type PreparationChoices, type Split } from "../../../data/mod.ts";
import { type FolderSetting, preparationFor, trainInFolder, type TrainOptions } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { imageFile, inBlock, labelFile, manifestOf, withDataset } from "../../data/make_dataset.ts";

const options: TrainOptions = {
  method: "supervised",
  patch: [16, 16, 16],
  steps: 2,
  batch: 1,
  validations: 1,
};
const split: Split = {
  labelled: ["case_0"],
  unlabelled: ["case_1"],
  validation: ["case_2"],
  test: ["case_3"],
};

/** A change to the folder of the data, or to how the run is resumed, and what the refusal names. */
interface Change {
  readonly name: string;
  readonly expected: RegExp;
  readonly data?: (folder: string) => Promise<void>;
  readonly options?: TrainOptions;
  readonly setting?: Partial<FolderSetting>;
  readonly choices?: PreparationChoices;
  readonly run?: (folder: string) => Promise<void>;
}

const manifestChange = (change: (manifest: ReturnType<typeof manifestOf>) => void) => (folder: string) => {
  const manifest = manifestOf(4);
  change(manifest);
  return Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
};

const changes: Change[] = [
  { name: "spacing", expected: /spacing.*2,2,2/, choices: { spacing: [2, 2, 2] } },
  { name: "orientation", expected: /orientation.*anatomical.*slices/, choices: { orientation: "slices" } },
  { name: "a method", expected: /method \("supervised".*"cmc"/, options: { method: "cmc" } },
  { name: "a seed", expected: /seed \(0 .*1 now/, options: { seed: 1 } },
  {
    name: "another split",
    expected: /split/,
    setting: { split: { ...split, labelled: ["case_1"], unlabelled: ["case_0"] } },
  },
  {
    name: "another image file",
    expected: /the b image of case case_1 changed/,
    data: (folder) =>
      Deno.writeFile(`${folder}/b/case_1.nii.gz`, imageFile({}, (at) => inBlock(at) ? 3 + at % 5 : 0)),
  },
  {
    name: "another label file",
    expected: /the shared labels of case case_0 changed/,
    data: (folder) =>
      Deno.writeFile(`${folder}/labels/case_0.nii.gz`, labelFile({}, (at) => inBlock(at) ? 1 + at % 2 : 0)),
  },
  {
    name: "another volume of a label file",
    expected: /data/,
    data: manifestChange((manifest) => void (manifest.cases[0]!.labels.shared += "#channel=1")),
  },
  {
    name: "modalities in another order",
    expected: /modalities/,
    data: manifestChange((manifest) => void manifest.modalities.reverse()),
  },
  {
    name: "renamed classes",
    expected: /classes.*"links" now|classes.*links/,
    data: manifestChange((manifest) => void (manifest.classes[0]!.name = "links")),
  },
  {
    name: "labels mapped otherwise",
    expected: /data/,
    data: manifestChange((manifest) => Object.assign(manifest, { labelMap: { 1: 2, 2: 1 } })),
  },
  {
    name: "modalities no longer aligned",
    expected: /aligned/,
    data: manifestChange((manifest) => void (manifest.aligned = false)),
  },
  {
    name: "a split.json that was edited",
    expected: /split\.json is not the split/,
    run: async (folder) => {
      const text = await Deno.readTextFile(`${folder}/split.json`);
      await Deno.writeTextFile(`${folder}/split.json`, text.replace("case_2", "case_9"));
    },
  },
];

/** Opens a data set and trains on it in a folder below `root`; returns that folder. */
async function runOn(data: string, root: string, more: TrainOptions, setting: Partial<FolderSetting> = {}) {
  using device = await openDevice("cpu");
  const dataset = setting.dataset ?? await openDataset(data);
  const outcome = await trainInFolder({ ...options, ...more }, {
    ...{ device, split, root, name: "run", ...setting },
    dataset,
  });
  outcome.run?.[Symbol.dispose]();
  return outcome.folder;
}

Deno.test("resuming compares everything that decides the result, and files by content", async (t) => {
  await withDataset(4, async (data) => {
    const root = await Deno.makeTempDir();
    const run = (more: TrainOptions, setting: Partial<FolderSetting>) => runOn(data, root, more, setting);
    const folder = await run({}, {});
    for (const change of changes) {
      await t.step(change.name, async () => {
        const saved = new Map<string, Uint8Array>();
        for (const path of ["dataset.json", "b/case_1.nii.gz", "labels/case_0.nii.gz"]) {
          saved.set(`${data}/${path}`, await Deno.readFile(`${data}/${path}`));
        }
        saved.set(`${folder}/split.json`, await Deno.readFile(`${folder}/split.json`));
        await change.data?.(data);
        await change.run?.(folder);
        const preparation = change.choices &&
          await preparationFor({ dataset: await openDataset(data), split }, change.choices);
        await assert.rejects(
          run(change.options ?? {}, {
            ...change.setting,
            ...(preparation && { preparation }),
            resumeFrom: folder,
          }),
          (error) => {
            assert.equal((error as { code?: string }).code, "resume.mismatch");
            assert.match((error as Error).message, change.expected);
            return true;
          },
        );
        for (const [path, bytes] of saved) await Deno.writeFile(path, bytes);
      });
    }
    await t.step("the same data in another folder, and more steps, go on", async () => {
      const moved = `${await Deno.makeTempDir()}/moved`;
      await Deno.rename(data, moved);
      const dataset = await openDataset(moved), measured = `${folder}/robustness.csv`;
      const isThere = () => Deno.stat(measured).then(() => true, () => false);
      await Deno.writeTextFile(measured, "of these parameters");
      await run({}, { dataset, resumeFrom: folder });
      assert.ok(await isThere(), "nothing was trained");
      await run({ steps: 4 }, { dataset, resumeFrom: folder });
      assert.ok(!await isThere(), "of other parameters");
      const { steps } = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      assert.equal(steps, 4);
      assert.equal((await Deno.readTextFile(`${folder}/log.csv`)).trim().split("\n").length, 5);
      await assert.rejects(run({ steps: 3 }, { dataset, resumeFrom: folder }), { code: "resume.steps" });
      await Deno.rename(moved, data);
    });
    await Deno.remove(root, { recursive: true });
  });
});

Deno.test("resuming compares the labels that the method uses, of the unlabelled list too or of no case", async (t) => {
  for (
    const { method, id, refused } of [
      { method: "supervised-all", id: "case_1", refused: true },
      { method: "supervised", id: "case_1", refused: false },
      { method: "pretrain", id: "case_0", refused: false },
    ]
  ) {
    await t.step(`${method}, ${id}`, async () => {
      await withDataset(4, async (data) => {
        const root = await Deno.makeTempDir();
        const resumeFrom = await runOn(data, root, { method });
        await Deno.writeFile(
          `${data}/labels/${id}.nii.gz`,
          labelFile({}, (at) => inBlock(at) ? 1 + at % 2 : 0),
        );
        const resumed = runOn(data, root, { method, steps: 3 }, { resumeFrom });
        if (refused) {
          await assert.rejects(resumed, (error) => {
            assert.equal((error as { code?: string }).code, "resume.mismatch");
            assert.match((error as Error).message, new RegExp(`the shared labels of case ${id} changed`));
            return true;
          });
        } else await resumed;
        if (method === "pretrain") {
          // Nothing is left to train; a process may have been killed before it wrote what it had reached.
          await Deno.remove(`${resumeFrom}/metrics.json`);
          await runOn(data, root, { method, steps: 3 }, { resumeFrom });
          const { best } = JSON.parse(await Deno.readTextFile(`${resumeFrom}/metrics.json`));
          assert.deepEqual(best, { step: 3, val_dice: null });
        }
        await Deno.remove(root, { recursive: true });
      });
    });
  }
});
