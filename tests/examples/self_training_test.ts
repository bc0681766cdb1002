/** A round of self-training by the commands that the documentation names: an ensemble's predictions become pseudo-labels. */

import assert from "node:assert/strict";
import { openDataset, withPseudoLabels } from "../../data/mod.ts";
import { train } from "../../model/mod.ts";
import { openDevice } from "../../tensor/mod.ts";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { smallOptions, smallPreparation } from "../model/train/setting.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const device = ["--device", "cpu", "--threads", "1"];
const sizes = ["--preset", "unet-tiny", "--patch", "16,16,16", "--batch", "1", "--steps", "2"];
const small = ["--data", "data", ...device, ...sizes, "--validations", "1"];
const parts = ["--validation", "1", "--test", "1", "--labelled", "2"];

async function ran(task: string, args: readonly string[], folder: string): Promise<string> {
  const { code, stderr } = await runExample(task, args, folder);
  assert.equal(code, 0, stderr);
  return stderr;
}

Deno.test("two seeds predict the unlabelled cases, and a third training learns from that", () =>
  inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    await ran("train", [...small, ...parts, "--seeds", "0,1"], folder);
    const runs = ["runs/cmc-seed0", "runs/cmc-seed1"];
    const split = JSON.parse(await Deno.readTextFile(`${folder}/${runs[0]}/split.json`));
    const again = [...small, "--split", `${runs[0]}/split.json`, "--pseudo-labels", "pseudo"];
    await Deno.mkdir(`${folder}/pseudo`);
    const early = await runExample("train", again, folder);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /error\[pseudo_labels\.missing\]: .*no label map for 2 of 2 unlabelled cases/);

    const checkpoints = runs.flatMap((run) => ["--checkpoint", `${run}/checkpoints/best.safetensors`]);
    await ran("predict", [...checkpoints, "--data", "data", "--out", "pseudo", ...device], folder);
    await ran("train", [...again, "--pseudo-label-weight", "0.25", "--name", "round"], folder);
    const { pseudoLabelWeight, pseudoLabels } = JSON.parse(
      await Deno.readTextFile(`${folder}/runs/round/config.json`),
    );
    assert.deepEqual([pseudoLabelWeight, pseudoLabels], [0.25, `${folder}/pseudo`]);
    const { pseudoLabelFiles } = JSON.parse(await Deno.readTextFile(`${folder}/runs/round/split.json`));
    assert.deepEqual(Object.keys(pseudoLabelFiles).sort(), split.unlabelled);
    const log = await Deno.readTextFile(`${folder}/runs/round/log.csv`);
    assert.match(log.split("\n")[0]!, /,pseudo_labels,/);

    const [first, second] = split.unlabelled.map((id: string) => `${folder}/pseudo/${id}.nii.gz`);
    await Deno.copyFile(`${folder}/data/${split.unlabelled[0]}_labels.nii.gz`, first);
    assert.notDeepEqual(await Deno.readFile(first), await Deno.readFile(second));
    const changed = await runExample("train", [...device, "--resume", "runs/round", "--steps", "3"], folder);
    assert.match(changed.stderr, /error\[resume\.mismatch\]: [\s\S]*pseudo-labels of case/);
  }));

Deno.test("what pseudo-labels teach depends on them and on their weight, and no label of an unlabelled case is read", () =>
  inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const dataset = await openDataset(`${folder}/data`);
    const [a, b, c, d, e, f] = dataset.cases.map(({ id }) => id) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const split = { labelled: [a, b], unlabelled: [c, d], validation: [e], test: [f] };
    await Deno.mkdir(`${folder}/pseudo`);
    // The maps of a and b, of other people, stand for predictions: what is read must come from this folder.
    for (const [from, to] of [[a, c], [b, d]]) {
      await Deno.copyFile(`${folder}/data/${from}_labels.nii.gz`, `${folder}/pseudo/${to}.nii.gz`);
    }
    for (const id of [c, d]) await Deno.remove(`${folder}/data/${id}_labels.nii.gz`);
    const pseudoLabelled = await withPseudoLabels(dataset, `${folder}/pseudo`, split.unlabelled);
    assert.deepEqual(pseudoLabelled.cases.map(({ id }) => id), [c, d]);
    using cpu = await openDevice("cpu");
    const log = async (pseudoLabelWeight: number | undefined) => {
      const options = { ...smallOptions, ...(pseudoLabelWeight !== undefined && { pseudoLabelWeight }) };
      const setting = { device: cpu, dataset, split, preparation: smallPreparation };
      using run = await train(options, {
        ...setting,
        ...(pseudoLabelWeight !== undefined && { pseudoLabelled }),
      });
      return run!.log;
    };
    const [without, off, light, heavy] = [await log(undefined), await log(0), await log(0.1), await log(1)];
    assert.deepEqual(off, without);
    const { loss, pseudo_labels: own } = light[0]!;
    assert.ok(own! > 0 && Math.abs(loss! - (without[0]!.loss! + 0.1 * own!)) < 1e-4);
    assert.equal(heavy[0]!.pseudo_labels, own);
    assert.notEqual(heavy.at(-1)!.supervised, light.at(-1)!.supervised);

    for (const method of ["supervised-all", "pretrain"]) {
      await assert.rejects(
        train({ ...smallOptions, method }, {
          device: cpu,
          dataset,
          split,
          preparation: smallPreparation,
          pseudoLabelled,
        }),
        { code: "method.pseudo_labels" },
      );
    }
    const judged = { ...split, unlabelled: [c], validation: [d] };
    await assert.rejects(
      train(smallOptions, {
        device: cpu,
        dataset,
        split: judged,
        preparation: smallPreparation,
        pseudoLabelled,
      }),
      { code: "split.pseudo_labels" },
    );
  }));
