import assert from "node:assert/strict";
import { readNifti, volumeFrom, writeNifti } from "../../data/mod.ts";
import { command } from "../../examples/train.ts";
import { withDataset } from "../data/make_dataset.ts";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { inFreshFolder, runExample, startExample } from "./run_example.ts";

/** A training on what {@link writeTinyDataset} wrote to `data`. */
const small = [
  ...["--data", "data", "--preset", "unet-tiny", "--patch", "16,16,16", "--batch", "1"],
  ...["--validations", "2", "--device", "cpu"],
];
/** Its split, which a resumed run knows. */
const parts = ["--labelled", "2", "--validation", "1", "--test", "1"];

Deno.test("train --help lists the options", async () => {
  await inFreshFolder(async (folder) => {
    const { code, stdout } = await runExample("train", ["--help"], folder);
    assert.equal(code, 0);
    assert.match(stdout, /--label-ratio R +share of the training subjects/);
  });
});

Deno.test("train refuses what makes no sense, with a code, a fix and exit code 2 or 1", async () => {
  await inFreshFolder(async (folder) => {
    const cases: [string[], number, RegExp][] = [
      [["--setps", "3"], 2, /^error\[usage\]: there is no option --setps\n {2}Did you mean --steps\?/],
      [["--steps", "many"], 2, /^error\[usage\]: --steps many: expected a number/],
      [["--label-ratio", "0"], 1, /^error\[split\.ratio\]/],
      [["--patch", "30,32,32"], 1, /^error\[config\.patch\][\s\S]*32,32,32/],
      [["--data", "nowhere"], 1, /^error\[data\.path\][\s\S]*nowhere/],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stderr } = await runExample("train", args, folder);
      assert.match(stderr, message);
      assert.equal(code, expected, stderr);
      assert.doesNotMatch(stderr, /\n\s+at /); // no stack trace
    }
  });
});

Deno.test("train --dry-run --json says what the training would cost", async () => {
  await inFreshFolder(async (folder) => {
    const { code, stdout } = await runExample("train", ["--dry-run", "--json"], folder);
    assert.equal(code, 0);
    const cost = JSON.parse(stdout);
    const { parameters, trainable, multiplyAdds, peakBytes } = cost;
    assert.equal(parameters, trainable);
    assert.equal(cost.stateBytes + cost.activationBytes, peakBytes);
    assert.equal(cost.fits, true);
    assert.ok(multiplyAdds > 5e8 && peakBytes > 1e7);
    const { stepSeconds, supervisedStepSeconds, caseSeconds, seconds, processBytes } = cost.measured;
    const { steps, semiSupervisedFrom, validations } = cost.config, { validation, test } = cost.split;
    const judged = validations * validation.length + test.length, early = semiSupervisedFrom * steps;
    const inAll = early * supervisedStepSeconds + (steps - early) * stepSeconds + judged * caseSeconds;
    assert.ok(stepSeconds > 0 && Math.abs(seconds - inAll) < 0.01 * inAll);
    assert.ok(processBytes > peakBytes, "the process holds more than its tensors");
  });
});

Deno.test("train --profile cmc-released at the paper's size has the parameters of the released network, and its schedule", async () => {
  await inFreshFolder(async (folder) => {
    const args = ["--profile", "cmc-released", "--preset", "unet-paper", "--patch", "128,128,128"];
    const { code, stdout, stderr } = await runExample("train", [
      "--dry-run",
      "--json",
      "--device",
      "cpu",
      ...args,
    ], folder);
    assert.equal(code, 0, stderr);
    const { parameters, multiplyAdds, config, fits, largestPatch } = JSON.parse(stdout);
    assert.equal(parameters, 40_838_095);
    assert.equal(fits, false);
    assert.deepEqual(largestPatch, [56, 56, 56]);
    assert.ok(Math.abs(multiplyAdds / 1e12 - 4) < 0.05, `${multiplyAdds}`);
    assert.deepEqual([config.learningRate, config.weightDecay, config.schedule], [
      1e-4,
      1e-5,
      "whole-cosine",
    ]);
  });
});

Deno.test("Ctrl-C saves, says how to go on, and the resumed run ends like one that was never stopped", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const args = [...small, "--steps", "40"]; // twenty are left when the signal is sent
    const process = await startExample("train", [...args, ...parts, "--name", "a stopped run"], folder);
    let seen = "", isTold = false; // told twice it would stop at once
    const decoder = new TextDecoder();
    for await (const chunk of process.stderr) {
      seen += decoder.decode(chunk);
      if (!isTold && /validation Dice/.test(seen)) {
        process.kill("SIGINT");
        isTold = true;
      }
    }
    await process.stdout.cancel();
    assert.equal((await process.status).code, 130);
    assert.match(
      seen,
      /saved in runs\/a stopped run; go on with\n {2}deno task train --device cpu --resume 'runs\/a stopped run'\n/,
    );
    await assert.rejects(Deno.stat(`${folder}/runs/a stopped run/lock`));

    const resumed = await runExample("train", [...args, "--resume", "runs/a stopped run", "--json"], folder);
    assert.equal(resumed.code, 0, resumed.stderr);
    const whole = await runExample("train", [...args, ...parts, "--name", "whole", "--json"], folder);
    const log = (name: string) => Deno.readTextFile(`${folder}/runs/${name}/log.csv`);
    assert.equal(await log("a stopped run"), await log("whole"));
    assert.deepEqual(JSON.parse(resumed.stdout).test, JSON.parse(whole.stdout).test);
  });
});

Deno.test("train --seeds takes whole numbers, each once, and no other way to say a seed", async () => {
  for (const seeds of ["0,0", "a", "-1", "", "1,", "0.5"]) {
    const message = `--seeds ${seeds}: expected whole numbers from 0, each once, such as 0,1,2`;
    await assert.rejects(command.run({ seeds }, []), { code: "usage", message });
  }
  await assert.rejects(command.run({ seeds: "0", seed: "1" }, []), { code: "usage" });
  await assert.rejects(command.run({ seeds: "0", resume: "runs/x" }, []), { code: "usage" });
});

Deno.test("train --seeds trains once for each, leaves what is finished, goes on with what was cut off", async () => {
  await inFreshFolder(async (folder) => {
    await withDataset(6, async (data) => {
      const place = ["--data", data, "--fold", "2/3", "--device", "cpu", "--validation", "1"];
      const args = [...place, "--preset", "unet-tiny", "--patch", "16,16,16", "--batch", "1", "--steps", "2"];
      const run = (seeds: string, ...more: string[]) =>
        runExample("train", [...args, "--seeds", seeds, "--json", ...more], folder);
      const whole = await run("0,1");
      assert.equal(whole.code, 0, whole.stderr);
      const names = JSON.parse(whole.stdout).runs.map((one: { folder: string }) => one.folder);
      assert.deepEqual(names, ["runs/cmc-fold2-seed0", "runs/cmc-fold2-seed1"]);
      const read = (file: string) => Deno.readTextFile(`${folder}/runs/cmc-fold2-seed1/${file}`);
      const [cases, config] = [await read("cases.csv"), await read("config.json")];

      // Killed after the last step but before its results; and before its first checkpoint, with half of its files.
      const before = await Deno.stat(`${folder}/runs/cmc-fold2-seed0/metrics.json`);
      await Deno.remove(`${folder}/runs/cmc-fold2-seed1/metrics.json`);
      await Deno.mkdir(`${folder}/runs/cmc-fold2-seed2/checkpoints`, { recursive: true });
      await Deno.writeTextFile(`${folder}/runs/cmc-fold2-seed2/split.json`, "{");
      const again = await run("0,1,2");
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /^runs\/cmc-fold2-seed0 is finished already$/m);
      assert.doesNotMatch(again.stderr, /seed1 is finished already|seed2 is finished already/);
      const { mtime } = await Deno.stat(`${folder}/runs/cmc-fold2-seed0/metrics.json`);
      assert.deepEqual(mtime, before.mtime);
      assert.deepEqual([await read("cases.csv"), await read("config.json")], [cases, config]);
      assert.ok((await Deno.stat(`${folder}/runs/cmc-fold2-seed2/metrics.json`)).isFile);

      const other = await run("0", "--learning-rate", "0.1");
      assert.match(
        other.stderr,
        /^error\[resume\.mismatch\]: runs\/.*seed0 is another training: .*learningRate.*\n.*--name/m,
      );
      const taken = await runExample("train", [...args, "--seed", "0"], folder);
      assert.match(
        taken.stderr,
        /^runs\/cmc-fold2-seed0 is there already: this run is runs\/cmc-fold2-seed0-2$/m,
      );
      const longer = await run("0", "--steps", "3");
      assert.match(longer.stderr, /^error\[resume\.mismatch\]: .*a training of 2 steps; 3 are asked for/m);
      await Deno.mkdir(`${folder}/runs/notes-seed0`);
      await Deno.writeTextFile(`${folder}/runs/notes-seed0/notes.txt`, "");
      const foreign = await run("0", "--name", "notes");
      assert.match(foreign.stderr, /^error\[run\.folder\]: .*it holds notes\.txt/m);
    });
  });
});

Deno.test("predict writes labels on the grid of its image, whatever the orientation", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const trained = await runExample("train", [...small, ...parts, "--steps", "2", "--name", "run"], folder);
    assert.equal(trained.code, 0, trained.stderr);
    // Left-posterior-superior, anisotropic, oblique.
    const affine = [-1.5, 0.1, 0, 20, 0, -1.4, 0, 30, 0, 0.1, 3, -10, 0, 0, 0, 1];
    const data = Float32Array.from({ length: 20 * 18 * 10 }, (_, i) => 100 * Math.sin(i) + 200);
    await writeNifti(`${folder}/scan.nii.gz`, volumeFrom(data, [20, 18, 10], affine));
    const checkpoint = "runs/run/checkpoints/best.safetensors";
    const args = [
      "--checkpoint",
      checkpoint,
      "--image",
      "mr=scan.nii.gz",
      "--out",
      "labels.nii.gz",
      "--device",
      "cpu",
    ];
    const { code, stdout, stderr } = await runExample("predict", args, folder);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "labels.nii.gz\n");
    const [scan, labels] = [
      await readNifti(`${folder}/scan.nii.gz`),
      await readNifti(`${folder}/labels.nii.gz`),
    ];
    assert.deepEqual(labels.array.shape, scan.array.shape);
    assert.deepEqual(labels.affine, scan.affine);
    assert.deepEqual(labels.spacing, scan.spacing);

    const unknown = await runExample("predict", [...args.with(3, "pet=scan.nii.gz"), "--overwrite"], folder);
    assert.match(
      unknown.stderr,
      /^error\[predict\.modality\]: the network knows no modality "pet"\n {2}Give images of ct, mr\./m,
    );
    const text = new TextEncoder().encode("not a checkpoint");
    await Deno.writeFile(`${folder}/bad.safetensors`, text);
    const bad = await runExample("predict", [...args.with(1, "bad.safetensors"), "--overwrite"], folder);
    assert.match(bad.stderr, /^error\[checkpoint\.format\]/m);
    assert.equal(bad.code, 1);
  });
});

Deno.test("a run that was killed resumes from its last checkpoint and ends like one that was not", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const args = [...small, "--steps", "30", "--validations", "3"]; // ten are left when it is killed
    const process = await startExample("train", [...args, ...parts, "--name", "killed"], folder);
    const decoder = new TextDecoder();
    let seen = "";
    for await (const chunk of process.stderr) {
      seen += decoder.decode(chunk);
      if (/step 20: validation/.test(seen)) process.kill("SIGKILL"); // while, or before, step 20 is saved
    }
    await process.stdout.cancel();
    await process.status;
    const resumed = await runExample("train", [...args, "--resume", "runs/killed"], folder);
    assert.equal(resumed.code, 0, resumed.stderr);
    const whole = await runExample("train", [...args, ...parts, "--name", "whole"], folder);
    assert.equal(whole.code, 0, whole.stderr);
    for (const file of ["log.csv", "cases.csv"]) {
      const [one, two] = await Promise.all(
        ["killed", "whole"].map((run) => Deno.readFile(`${folder}/runs/${run}/${file}`)),
      );
      assert.deepEqual(one, two, file);
    }
  });
});
