/** What is refused before the first step, and before there is a folder. */

import assert from "node:assert/strict";
import { openDataset, type Split } from "../../../data/mod.ts";
import { train, trainInFolder, type TrainOptions } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { labelFile, manifestOf, withDataset } from "../../data/make_dataset.ts";
import { smallData, smallOptions } from "./setting.ts";

const options: TrainOptions = { ...smallOptions, method: "supervised", steps: 2, validations: 1 };
const split: Split = {
  labelled: ["case_0"],
  unlabelled: ["case_1"],
  validation: ["case_2"],
  test: ["case_3"],
};

interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly message: RegExp;
  readonly split?: Partial<Split>;
  readonly options?: TrainOptions;
  readonly data?: (folder: string) => Promise<void>;
  /** The case whose labels are pseudo-labels. */
  readonly pseudo?: string;
}

const withManifest = (change: (manifest: ReturnType<typeof manifestOf>) => void) => (folder: string) => {
  const manifest = manifestOf(4);
  change(manifest);
  return Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
};

const refusals: Refusal[] = [
  {
    name: "no validation case",
    code: "split.validation",
    message: /no validation case/,
    split: { validation: [] },
  },
  { name: "no labelled case", code: "split.empty", message: /no labelled case/, split: { labelled: [] } },
  {
    name: "one modality for a method of two",
    code: "method.modalities",
    message: /cmc needs 2 modalities.*has 1/,
    options: { method: "cmc" },
    data: withManifest((manifest) => {
      manifest.modalities.pop();
      for (const of of manifest.cases) delete of.images.b;
    }),
  },
  {
    name: "a case that lacks an image, for a method that compares voxels",
    code: "method.unpaired",
    message: /not paired: 1 cases lack an image: case_1 \(no b\)/,
    options: { method: "cmc" },
    data: withManifest((manifest) => {
      manifest.paired = false;
      delete manifest.cases[1]!.images.b;
    }),
  },
  {
    name: "a class that no labelled case has",
    code: "label.missing",
    message: /none of the labelled cases.*left/,
    data: (folder) => Deno.writeFile(`${folder}/labels/case_0.nii.gz`, labelFile({}, (at) => at % 3 ? 0 : 2)),
  },
  {
    name: "wrong labels in the unlabelled list, for a method that uses them",
    code: "label.values",
    message: /case_1.*7/,
    options: { method: "supervised-all" },
    data: (folder) => Deno.writeFile(`${folder}/labels/case_1.nii.gz`, labelFile({}, (at) => at % 3 ? 0 : 7)),
  },
  {
    name: "pseudo-labels on another grid",
    code: "geometry.mismatch",
    message: /case_1/,
    pseudo: "case_1",
    data: (folder) =>
      Deno.writeFile(
        `${folder}/labels/case_1.nii.gz`,
        labelFile({ pixdim: [1, 3, 3, 3, 1, 1, 1, 1], sformCode: 0 } as object),
      ),
  },
  {
    name: "labels to learn from on another grid",
    code: "geometry.mismatch",
    message: /case_0/,
    data: (folder) =>
      Deno.writeFile(
        `${folder}/labels/case_0.nii.gz`,
        labelFile({ pixdim: [1, 3, 3, 3, 1, 1, 1, 1], sformCode: 0 } as object),
      ),
  },
  {
    name: "validation cases without any class",
    code: "label.missing",
    message: /no validation case \(case_2\)/,
    data: (folder) => Deno.writeFile(`${folder}/labels/case_2.nii.gz`, labelFile({}, () => 0)),
  },
  {
    name: "test labels on another grid",
    code: "geometry.mismatch",
    message: /case_3/,
    data: (folder) =>
      Deno.writeFile(
        `${folder}/labels/case_3.nii.gz`,
        labelFile({ pixdim: [1, 3, 3, 3, 1, 1, 1, 1], sformCode: 0 } as object),
      ),
  },
  {
    name: "a test image that cannot be read",
    code: "data.path",
    message: /case_3/,
    data: (folder) => Deno.remove(`${folder}/b/case_3.nii.gz`),
  },
];

Deno.test("what can be known before the first step is refused before it, and leaves no folder", async (t) => {
  using device = await openDevice("cpu");
  for (const refusal of refusals) {
    await t.step(refusal.name, () =>
      withDataset(4, async (folder) => {
        await refusal.data?.(folder);
        const dataset = await openDataset(folder);
        const root = await Deno.makeTempDir();
        const pseudo = dataset.cases.filter(({ id }) => id === refusal.pseudo);
        const attempt = trainInFolder({ ...options, ...refusal.options }, {
          ...(pseudo.length > 0 && { pseudoLabelled: { ...dataset, cases: pseudo } }),
          ...{ device, dataset, split: { ...split, ...refusal.split }, root, name: "run" },
        });
        await assert.rejects(attempt, (error) => {
          assert.equal((error as { code?: string }).code, refusal.code);
          assert.match((error as Error).message, refusal.message);
          return true;
        });
        assert.deepEqual([...Deno.readDirSync(root)], []);
        await Deno.remove(root);
      }));
  }
  assert.equal(device.stats().liveBuffers, 0);
});

Deno.test("a split without test cases trains to its end, with checkpoints and without a test table", async () => {
  using device = await openDevice("cpu");
  const { dataset, split } = smallData();
  const root = await Deno.makeTempDir();
  const { folder, run } = await trainInFolder(options, {
    ...{ device, dataset, split: { ...split, test: [] }, root, name: "run" },
  });
  run![Symbol.dispose]();
  const { best, test, cost } = JSON.parse(await Deno.readTextFile(`${folder}/metrics.json`));
  assert.deepEqual([best.step, test, cost.inferenceMs], [2, null, null]);
  await Deno.stat(`${folder}/checkpoints/best.safetensors`);
  await assert.rejects(Deno.stat(`${folder}/tables/test.md`));
  await Deno.remove(root, { recursive: true });
});

Deno.test("a training lets the program's other tasks run between its steps", async () => {
  using device = await openDevice("cpu");
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const run = await train({ ...options, steps: 20 }, {
    ...{ device, ...smallData(), signal: controller.signal },
  });
  assert.ok(run === null, "the timer had no turn before the last step");
});
