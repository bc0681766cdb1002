import assert from "node:assert/strict";
import { writeTinyDataset } from "../hunts/tiny_run.ts";
import { inFreshFolder, oneStep, runExample } from "./run_example.ts";

const train = ["--data", "data", ...oneStep, "--device", "cpu", "--name", "run"];

Deno.test("calibration measures a finished run, and the report shows it", async () => {
  await inFreshFolder(async (folder) => {
    await writeTinyDataset(`${folder}/data`);
    const trained = await runExample("train", train, folder);
    assert.equal(trained.code, 0, trained.stderr);
    const { code, stdout, stderr } = await runExample("calibration", [
      ...["runs/run", "--data", "data", "--device", "cpu", "--json"],
    ], folder);
    assert.equal(code, 0, stderr);
    const { calibration } = JSON.parse(stdout) as { calibration: Record<string, number | string>[] };
    assert.deepEqual(calibration.map(({ modality }) => modality), ["ct", "mr"]);
    for (const { ece, mce, voxels } of calibration as Record<string, number>[]) {
      assert.ok(
        0 <= ece! && ece! <= mce! && mce! <= 1 && voxels! > 100,
        JSON.stringify({ ece, mce, voxels }),
      );
    }
    const reported = await runExample("report", ["runs/run", "--out", "report.html"], folder);
    assert.equal(reported.code, 0, reported.stderr);
    const html = await Deno.readTextFile(`${folder}/report.html`);
    assert.match(html, />Calibration<\/h2>/);
    assert.match(html, new RegExp(`ct, ECE ${(calibration[0]!.ece as number).toFixed(3)}`));
  });
});
