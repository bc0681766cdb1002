import assert from "node:assert/strict";
import {
  addCalibrationCounts,
  calibration,
  calibrationCounts,
  calibrationCsv,
  calibrationOf,
  parseCalibrationCsv,
  reliabilityDiagram,
} from "../../../eval/mod.ts";
import { Random } from "../../../tensor/random.ts";
import { hostileNames } from "../hostile_names.ts";
import { visible } from "../../../eval/text.ts";

/** Probabilities of three classes whose predicted class is right with just that probability. */
function calibrated(seed: number, voxels = 20_000): { probabilities: Float32Array; reference: Uint8Array } {
  const random = new Random(seed),
    probabilities = new Float32Array(3 * voxels),
    reference = new Uint8Array(voxels);
  for (let v = 0; v < voxels; v++) {
    const best = random.integer(3), p = random.uniform(0.4, 1);
    for (let k = 0; k < 3; k++) probabilities[k * voxels + v] = k === best ? p : (1 - p) / 2;
    reference[v] = random.uniform() < p ? best : (best + 1 + random.integer(2)) % 3;
  }
  return { probabilities, reference };
}

Deno.test("calibration() is near 0 for a calibrated prediction and the gap for one that is too sure", () => {
  const { probabilities, reference } = calibrated(1);
  assert.ok(calibration(probabilities, reference).ece < 0.02);
  const sure = probabilities.map((p) => p > 0.34 ? 1 : 0);
  assert.ok(Math.abs(calibration(sure, reference).ece - 0.3) < 0.02); // right in 7 of 10 on average
});

Deno.test("counts of volumes add up to those of all voxels together, and background is left out when asked", () => {
  const [a, b] = [calibrated(2), calibrated(3)];
  const both = addCalibrationCounts([
    calibrationCounts(a.probabilities, a.reference),
    calibrationCounts(b.probabilities, b.reference),
  ]);
  const joined = new Float32Array(120_000);
  for (let k = 0; k < 3; k++) {
    joined.set(a.probabilities.subarray(k * 20_000, (k + 1) * 20_000), k * 40_000);
    joined.set(b.probabilities.subarray(k * 20_000, (k + 1) * 20_000), k * 40_000 + 20_000);
  }
  const whole = calibration(joined, [...a.reference, ...b.reference]);
  assert.ok(Math.abs(calibrationOf(both).ece - whole.ece) < 1e-12);
  const foreground = calibrationCounts(Float32Array.of(0.9, 0.9, 0.4, 0.1, 0.1, 0.6), [0, 1, 0], {
    foreground: true,
  });
  assert.equal(foreground.n.reduce((x, y) => x + y), 2);
  assert.throws(() => calibrationOf(calibrationCounts(Float32Array.of(1, 0), [0], { foreground: true })), {
    code: "eval.calibration",
  });
});

Deno.test("calibration.csv keeps counts by modality, whatever its name, and says what is damaged", () => {
  const { probabilities, reference } = calibrated(4, 500), own = calibrationCounts(probabilities, reference);
  const counts = new Map(hostileNames.map((name) => [visible(name), own]));
  assert.deepEqual(parseCalibrationCsv(calibrationCsv(counts), "x.csv"), counts);
  const damaged = calibrationCsv(new Map([["ct", own]])).replace("ct,1,", "ct,7,");
  assert.throws(() => parseCalibrationCsv(damaged, "x.csv"), {
    code: "eval.calibration",
    message: /x\.csv: row 2/,
  });
  assert.doesNotMatch(reliabilityDiagram(counts), /NaN|undefined|null/);
});
