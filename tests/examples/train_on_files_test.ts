import assert from "node:assert/strict";
import { imageFile, inBlock, withDataset } from "../data/make_dataset.ts";
import { runExample } from "./run_example.ts";

const train = [
  ..."--labelled 2 --validation 1 --test 1 --steps 2 --validations 1 --batch 1".split(" "),
  ..."--patch 16,16,16 --device cpu --augmentation strong".split(" "),
];

Deno.test("train and predict refuse NaN voxels or, with --nan zero, warn of them once for each file", async () => {
  await withDataset(8, async (folder) => {
    for (let i = 0; i < 8; i++) {
      const hole = (at: number) => at === 50 ? NaN : inBlock(at) ? at + i : 0;
      await Deno.writeFile(`${folder}/a/case_${i}.nii.gz`, imageFile({ datatype: 16 }, hole));
    }
    const args = ["--data", folder, ...train];
    const refused = await runExample("train", [...args, "--name", "refused"], folder);
    assert.match(refused.stderr, /error\[data\.nonfinite\]: case case_\d \(a\): 1 voxels[\s\S]*--nan zero/);
    assert.equal(refused.code, 1);
    const { code, stderr } = await runExample("train", [...args, "--nan", "zero", "--name", "run"], folder);
    assert.equal(code, 0, stderr);
    const warnings = stderr.match(/^warning\[data\.nonfinite\].*$/mg)!;
    assert.equal(warnings.length, 4, stderr);
    assert.match(warnings[3]!, /more of this kind; deno task verify/);
    const { augmentation } = JSON.parse(await Deno.readTextFile(`${folder}/runs/run/config.json`));
    assert.equal(augmentation, "strong");

    const checkpoint = `${folder}/runs/run/checkpoints/best.safetensors`;
    const predict = ["--checkpoint", checkpoint, "--image", `a=${folder}/a/case_0.nii.gz`];
    const out = [...predict, "--device", "cpu", "--out", `${folder}/out.nii.gz`];
    const stopped = await runExample("predict", out, folder);
    assert.match(stopped.stderr, /error\[data\.nonfinite\]: .*case_0\.nii\.gz: 1 voxels[\s\S]*--nan zero/);
    const segmented = await runExample("predict", [...out, "--nan", "zero"], folder);
    assert.equal(segmented.code, 0, segmented.stderr);
    assert.match(segmented.stderr, /warning\[data\.nonfinite\]: .*they count as 0/);
  });
});
