/** Modalities, classes and cases called as fields that every object has. */

import assert from "node:assert/strict";
import { withDataset } from "../data/make_dataset.ts";
import { inFreshFolder, oneStep, runExample } from "./run_example.ts";

Deno.test("names of object fields are names, in every command from training to report", () =>
  withDataset(4, async (data, manifest) => {
    const ids = ["constructor", "toString", "valueOf", "hasOwnProperty"];
    manifest.modalities = [{ id: "constructor", kind: "mr" }, { id: "toString", kind: "mr" }];
    manifest.classes = [{ id: 1, name: "__proto__" }, { id: 2, name: "isPrototypeOf" }];
    manifest.cases.forEach((of, i) => {
      of.id = of.subject = ids[i]!;
      of.images = { constructor: of.images.a!, toString: of.images.b! };
    });
    await Deno.writeTextFile(`${data}/dataset.json`, JSON.stringify(manifest));
    const lacking = { ...manifest, paired: false, cases: [{ ...manifest.cases[0]! }] };
    lacking.cases[0]!.images = { toString: "b/case_0.nii.gz" };
    await Deno.writeTextFile(`${data}/lacking.json`, JSON.stringify(lacking));
    await inFreshFolder(async (root) => {
      const run = `${root}/run`, best = `${run}/checkpoints/best.safetensors`, cpu = ["--device", "cpu"];
      const calls: [string, ...string[]][] = [
        ["verify", data],
        ["train", "--data", data, "--out", root, "--name", "run", ...oneStep, ...cpu],
        ["train", "--resume", run, "--steps", "2", ...cpu],
        ["predict", "--checkpoint", best, "--data", data, "--out", `${root}/all`, ...cpu],
        ["predict", "--checkpoint", best, "--data", `${data}/lacking.json`, "--out", `${root}/one`, ...cpu],
        ["report", run, "--data", data, "--out", `${root}/report.html`],
      ];
      for (const [task, ...args] of calls) {
        const { code, stderr } = await runExample(task, args, root);
        assert.equal(code, 0, `${task}: ${stderr}`);
      }
      const written = (folder: string) =>
        [...Deno.readDirSync(`${root}/${folder}`)].map(({ name }) => name).sort();
      assert.equal(written("all").length, 4 * 3, "each case: two modalities, and both together");
      assert.deepEqual(written("one"), ["constructor.nii.gz"]);
      const [header] = (await Deno.readTextFile(`${run}/log.csv`)).split("\n");
      assert.match(header!, /val_dice_constructor___proto__,val_dice_constructor_isPrototypeOf/);
    });
  }));
