import assert from "node:assert/strict";
import { volumeFrom, writeNifti } from "../../data/mod.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const mod = new URL("../../mod.ts", import.meta.url).href;
const module = `
import { methodNamed } from "${mod}";
const supervised = methodNamed("supervised");
const gain = { default: 1, min: 0, max: 9, isInteger: false, help: "factor on the loss" };
export default {
  ...supervised,
  name: "mine",
  settings: { gain },
  losses(network, batch, context) {
    const { value } = supervised.losses(network, batch, context).supervised;
    return { mine: { value, weight: context.settings.gain } };
  },
};
`;

Deno.test("train --method FILE trains a module's method with its settings, predict --method FILE uses it", async () => {
  await inFreshFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.ts`, module);
    const args = "--method mine.ts --set gain=2 --steps 2 --validations 1 --batch 1 --device cpu --overfit 1";
    const trained = await runExample("train", args.split(" "), folder);
    assert.equal(trained.code, 0, trained.stderr);
    const { method, settings, methodModule } = JSON.parse(
      await Deno.readTextFile(`${folder}/runs/mine-seed0/config.json`),
    );
    assert.deepEqual([method, settings], ["mine", { gain: 2 }]);
    assert.match(methodModule, /mine\.ts$/);
    assert.match(await Deno.readTextFile(`${folder}/runs/mine-seed0/log.csv`), /^step,lr,loss,mine,/);

    const data = Float32Array.from({ length: 16 ** 3 }, (_, i) => 100 * Math.sin(i) + 200);
    await writeNifti(
      `${folder}/scan.nii.gz`,
      volumeFrom(data, [16, 16, 16], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    );
    const predict =
      "--checkpoint runs/mine-seed0/checkpoints/best.safetensors --image mr=scan.nii.gz --device cpu";
    const out = [...predict.split(" "), "--out", "labels.nii.gz"];
    const unknown = await runExample("predict", out, folder);
    assert.match(unknown.stderr, /error\[method\.unknown\]: there is no method "mine"[\s\S]*--method FILE/);
    const known = await runExample("predict", [...out, "--method", "mine.ts"], folder);
    assert.equal(known.code, 0, known.stderr);

    for (const program of ["robustness", "calibration"]) {
      const more = program === "robustness" ? ["--perturbations", "rotation"] : [];
      const args = ["runs/mine-seed0", "--device", "cpu", ...more];
      const without = await runExample(program, args, folder);
      assert.match(without.stderr, /error\[method\.unknown\]/, program);
      const given = await runExample(program, [...args, "--method", "mine.ts"], folder);
      assert.equal(given.code, 0, given.stderr);
    }
    const page = await runExample("export", [
      ...[
        "--checkpoint",
        "runs/mine-seed0/checkpoints/best.safetensors",
        "--format",
        "html",
        "--out",
        "a.html",
      ],
    ], folder);
    assert.match(page.stderr, /error\[method\.unknown\]: .*\n.*is not exported/);

    await Deno.writeTextFile(`${folder}/empty.ts`, "export default { name: 'x' };");
    const empty = await runExample("train", ["--method", "empty.ts"], folder);
    assert.match(
      empty.stderr,
      /error\[method\.shape\]: the default export of .*empty\.ts is no method: it has no summary/,
    );
  });
});
