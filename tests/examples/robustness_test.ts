import assert from "node:assert/strict";
import { type LabelledCase, makePhantom, rowMajor, shapeOf } from "../../data/mod.ts";
import { superiorFirst, turnOf, turnVolume } from "../../data/orientation.ts";
import type { RunResults } from "../../eval/mod.ts";
import { phantomOf } from "../../examples/open_data.ts";
import { deepEnough, misaligned } from "../../examples/robustness.ts";
import { sameBits } from "../data/same_bits.ts";
import { makeRunFolders } from "../eval/make_run_folder.ts";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { inFreshFolder, oneStep, runExample } from "./run_example.ts";

const train = ["--data", "data", ...oneStep, "--device", "cpu", "--name", "run"];

Deno.test("robustness judges a run with modalities moved and left out; report shows both", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const trained = await runExample("train", train, folder);
    assert.equal(trained.code, 0, trained.stderr);
    const perturbations = ["--perturbations", "slice-drop,missing-modality"];
    const { code, stdout, stderr } = await runExample(
      "robustness",
      ["runs/run", "--data", "data", ...perturbations, "--out", "out", "--device", "cpu", "--json"],
      folder,
    );
    assert.equal(code, 0, stderr);
    const { records, missing } = JSON.parse(stdout) as Record<string, Record<string, unknown>[]>;
    const pairs = new Set(
      missing!.map(({ inputs, modality, strategy }) => `${modality} from ${inputs} ${strategy}`),
    );
    const alone = (id: string) => ["mean", "zero", "bypass"].map((by) => `${id} from ${id} only ${by}`);
    assert.deepEqual([...pairs], ["ct from ct+mr ", "mr from ct+mr ", ...alone("ct"), ...alone("mr")]);
    assert.deepEqual([...new Set(records!.map(({ level }) => level))], [0, 2, 4, 8]);
    const whole = missing!.filter(({ inputs }) => inputs === "ct+mr");
    const unmoved = records!.filter(({ level }) => level === 0);
    assert.deepEqual(whole.map(({ dice }) => dice), unmoved.map(({ dice }) => dice));
    const single = missing!.filter(({ inputs }) => inputs === "ct only");
    assert.notDeepEqual(
      single.map(({ n_pred }) => n_pred),
      whole.filter(({ modality }) => modality === "ct").map(({ n_pred }) => n_pred),
    );

    const reported = await runExample(
      "report",
      ["runs/run", "--data", "data", "--out", "report.html"],
      folder,
    );
    assert.equal(reported.code, 0, reported.stderr);
    const html = await Deno.readTextFile(`${folder}/report.html`);
    assert.match(html, />Misalignment<\/h2>/);
    assert.match(html, />Missing modalities<\/h2>[\s\S]*from ct only[\s\S]*<th[^>]*>bypass/);
    const files = (await Array.fromAsync(Deno.readDir(`${folder}/out`))).map(({ name }) => name).sort();
    const csv = await Deno.readTextFile(`${folder}/out/missing_modalities_dice.csv`);
    const [head, ...lines] = csv.trim().split("\n");
    assert.equal(lines.length, 4); // both from both, each from itself
    assert.match(
      head!,
      /^method,labels,given,judged,dice_mean,.*dice_mean_mean,.*dice_zero_mean,.*dice_bypass_mean/,
    );
    assert.ok(files.includes("missing_modalities_run_dice.svg") && files.includes("robustness_dice.svg"));
  });
});

Deno.test("of three modalities the second and the third move apart, and shallow scans lose no slices", async () => {
  const heart = makePhantom({ anatomy: "heart", cases: 4, seed: 0 });
  const moved = misaligned(heart, "translation", 8, 0), of = heart.cases[0] as LabelledCase;
  const [, second, third] = (await moved.loadLabels(of)).map(rowMajor);
  assert.ok(!sameBits(second!, third!));
  const ids = heart.cases.map(({ id }) => id);
  const depths = await Promise.all(heart.cases.map(async (of) => {
    const [image] = await heart.loadImages(of);
    return shapeOf(turnVolume(image!, turnOf(image!, superiorFirst)))[0];
  }));
  const least = Math.min(...depths);
  assert.deepEqual(await deepEnough(heart, ids, least), ids.filter((_, i) => depths[i]! > least));
  assert.deepEqual(await deepEnough(heart, ids, least - 1), ids);
});

Deno.test("robustness refuses an unknown perturbation before anything is read", async () => {
  await inFreshFolder(async (folder) => {
    const { code, stderr } = await runExample("robustness", ["nowhere", "--perturbations", "noise"], folder);
    assert.match(stderr, /--perturbations noise: expected translation, .*missing-modality/);
    assert.equal(code, 2);
  });
});

Deno.test("runs share a phantom only if they were trained on the same one", () => {
  const run = (seed: number) => {
    const { source } = makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 0, seed });
    return { config: { dataset: { source } } } as unknown as RunResults;
  };
  assert.deepEqual(phantomOf([run(1), run(1)])!.source, phantomOf([run(1)])!.source);
  assert.equal(phantomOf([run(1), run(2)]), undefined);
});

Deno.test("robustness refuses runs with other test cases before anything is computed", async () => {
  await inFreshFolder(async (folder) => {
    const { folders } = await makeRunFolders(folder);
    const path = `${folders[0]}/config.json`, config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(
      path,
      JSON.stringify({ ...config, dataset: { ...config.dataset, name: "other" } }),
    );
    const { code, stderr } = await runExample("robustness", folders, folder);
    assert.deepEqual([code, /error\[robustness\.sets\].*other, 7 test cases: supervised-2-s0/.test(stderr)], [
      1,
      true,
    ], stderr);
  });
});
