import assert from "node:assert/strict";
import { calibration } from "../../../eval/metrics/calibration.ts";
import { addConfusions, confusion } from "../../../eval/metrics/confusion.ts";
import { lesionCounts, lesionF1 } from "../../../eval/metrics/lesions.ts";
import { makeGrid } from "../make_grids.ts";

Deno.test("lesionCounts() joins across corners and counts what the other volume touches", () => {
  const shape = [2, 2, 9] as const;
  const draw = (...on: [number, number, number][]): Uint8Array =>
    makeGrid(shape, [1, 1, 1], (z, y, x) => +on.some((p) => p[0] === z && p[1] === y && p[2] === x)).array
      .data as Uint8Array;
  const reference = draw([0, 0, 1], [1, 1, 0], [0, 0, 4], [0, 0, 8]); // a diagonal pair, two single voxels
  const prediction = draw([0, 0, 1], [0, 0, 4], [0, 0, 6]); // finds two, invents one
  const counts = lesionCounts({ shape, prediction, reference });
  assert.deepEqual(counts, { predicted: 3, predictedFound: 2, reference: 3, referenceFound: 2 });
  assert.ok(Math.abs(lesionF1(counts) - 2 / 3) < 1e-12);
});

Deno.test("lesionCounts() floods large parts", () => {
  const shape = [20, 30, 40] as const, all = new Uint8Array(20 * 30 * 40).fill(1);
  const counts = lesionCounts({ shape, prediction: all, reference: all });
  assert.deepEqual(counts, { predicted: 1, predictedFound: 1, reference: 1, referenceFound: 1 });
});

Deno.test("calibration() weighs each bin's gap by its voxels", () => {
  // Two voxels at 0.9 (one right), two at 0.6 (both right): ECE = ½·|0.5 − 0.9| + ½·|1 − 0.6|.
  const p = Float32Array.of(0.9, 0.9, 0.4, 0.4, 0.1, 0.1, 0.6, 0.6);
  const { ece, mce, bins } = calibration(p, Uint8Array.of(0, 1, 1, 1), { bins: 10 });
  assert.ok(Math.abs(ece - 0.4) < 1e-6);
  assert.ok(Math.abs(mce - 0.4) < 1e-6);
  assert.equal(bins.reduce((n, b) => n + b.n, 0), 4);
  assert.throws(() => calibration(p, Uint8Array.of(0, 0, 0)), { code: "eval.calibration" });
  assert.throws(() => calibration(p, Uint8Array.of(0, 0, 0, 2)), {
    code: "eval.calibration",
    message: /voxel 3/,
  });
});

Deno.test("confusion() counts reference against prediction, and adds up", () => {
  const grid = (...v: number[]) => makeGrid([1, 1, v.length], [1, 1, 1], (_z, _y, x) => v[x]!);
  const classes = [{ id: 4, name: "a" }, { id: 2, name: "b" }];
  const c = confusion(grid(0, 4, 4, 2), grid(4, 4, 4, 0), classes);
  assert.deepEqual(c.names, ["background", "a", "b"]);
  assert.deepEqual(c.counts, [[0, 0, 1], [1, 2, 0], [0, 0, 0]]);
  assert.deepEqual(addConfusions([c, c]).counts[1], [2, 4, 0]);
});
