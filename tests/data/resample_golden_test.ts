/** Resampling beside SciPy and PyTorch; `tests/golden/make_resample_golden.py` made the values. */

import assert from "node:assert/strict";
import { multiplyAffine, scalingAffine } from "../../data/affine.ts";
import { gridWithSpacing, resampleLabels, resampleOnto, thickAxis } from "../../data/resample.ts";
import { gridOf, rowMajor, type Volume, volumeFrom } from "../../data/volume.ts";
import golden from "../golden/resample.json" with { type: "json" };

type Three = [number, number, number];

function volume(shape: Three): Volume<Float32Array> {
  const data = Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, n) => Math.sin(0.37 * n) + Math.cos(0.05 * n ** 1.1),
  );
  return volumeFrom(data, shape, scalingAffine([1, 1, 1]));
}

function near(got: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  assert.equal(got.length, expected.length);
  expected.forEach((value, at) =>
    assert.ok(Math.abs(got[at]! - value) < tolerance, `[${at}]: ${got[at]} for ${value}`)
  );
}

for (const [name, cases] of [["finer", golden.finer], ["coarser", golden.coarser]] as const) {
  Deno.test(`a ${name} grid over the same space has the values of ${name === "finer" ? "SciPy" : "PyTorch"}`, () => {
    for (const { shape, target, values } of cases) {
      const spacing = shape.map((length, axis) => length / target[axis]!) as Three;
      const grid = gridWithSpacing(gridOf(volume(shape as Three)), spacing);
      assert.deepEqual(grid.shape, target);
      near(rowMajor(resampleOnto(volume(shape as Three), grid, "linear", NaN)), values, 2e-6);
    }
  });
}

Deno.test("an oblique grid has the values of SciPy's map_coordinates, and the fill outside", () => {
  const { shape, target, map, values } = golden.oblique;
  const source = volume(shape as Three);
  const grid = {
    shape: target as Three,
    affine: multiplyAffine(source.affine, map),
    spacing: [1, 1, 1] as Three,
  };
  near(rowMajor(resampleOnto(source, grid, "linear", -9)), values, 2e-6);
  assert.ok(values.includes(-9));
});

Deno.test("across thick slices a finer grid takes the nearest slice, in the plane it interpolates", () => {
  const affine = scalingAffine([9, 1, 1]);
  assert.equal(thickAxis([9, 1, 1]), 0);
  const slices = volumeFrom(Float32Array.of(0, 2, 10, 12), [2, 1, 2], affine);
  const fine = gridWithSpacing(gridOf(slices), [3, 1, 0.5]);
  const got = rowMajor(resampleOnto(slices, fine, "linear", NaN));
  const rows = [0, 1, 2, 3, 4, 5].map((d) => [...got.subarray(4 * d, 4 * d + 4)]);
  assert.deepEqual(rows, [...Array(3).fill([0, 0.5, 1.5, 2]), ...Array(3).fill([10, 10.5, 11.5, 12])]);
});

Deno.test("a coarser grid shows no pattern finer than itself: a checkerboard becomes its mean", () => {
  const board = volumeFrom(
    Float32Array.from(
      { length: 12 ** 3 },
      (_, n) => (n % 12 + Math.floor(n / 12) % 12 + Math.floor(n / 144)) % 2,
    ),
    [12, 12, 12],
    scalingAffine([1, 1, 1]),
  );
  const coarse = rowMajor(resampleOnto(board, gridWithSpacing(gridOf(board), [2, 2, 2]), "linear", NaN));
  coarse.forEach((value) => assert.ok(Math.abs(value - 0.5) < 0.1, `${value}`));
});

Deno.test("labels on a grid of half the resolution stay where they are: no shift of half a voxel in any mode", () => {
  const side = 24, shifts = { linear: [] as number[], nearest: [] as number[] };
  for (let step = 0; step < 8; step++) {
    const centre = 11 + step / 4;
    const ball = Uint8Array.from({ length: side ** 3 }, (_, n) => {
      const place = [Math.floor(n / side ** 2), Math.floor(n / side) % side, n % side];
      return Math.hypot(...place.map((i) => i - centre)) < 6.3 ? 2 : 0;
    });
    const fine = volumeFrom(ball, [side, side, side], scalingAffine([1, 1, 1]));
    const grid = gridWithSpacing(gridOf(fine), [2, 2, 2]);
    const middle = (of: Volume<Uint8Array>) => {
      const data = rowMajor(of), n = of.array.shape[2]!, mm = of.spacing[2], origin = of.affine[11]!;
      let sum = 0, count = 0;
      data.forEach((label, at) => label === 2 && (sum += origin + at % n * mm, count++));
      return sum / count;
    };
    const linear = resampleLabels(fine, grid);
    assert.deepEqual(new Set(rowMajor(linear)), new Set([0, 2]));
    shifts.linear.push(middle(linear) - middle(fine));
    shifts.nearest.push(middle(resampleOnto(fine, grid, "nearest", 0)) - middle(fine));
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(shifts.linear.every((mm) => Math.abs(mm) < 0.15), shifts.linear.join());
  assert.ok(Math.abs(mean(shifts.linear)) < 0.02, shifts.linear.join());
  assert.ok(Math.abs(mean(shifts.nearest)) < 0.15, shifts.nearest.join()); // half a voxel would be 0.5
});
