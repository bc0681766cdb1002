import assert from "node:assert/strict";
import { applyAffine, invertAffine, multiplyAffine, scalingAffine } from "../../data/affine.ts";
import { toAnatomical } from "../../data/orientation.ts";
import { gridWithSpacing, resampleLabels, resampleOnto } from "../../data/resample.ts";
import { gridOf, rowMajor, shapeOf, type Volume, volumeFrom } from "../../data/volume.ts";
import { Random } from "../../tensor/random.ts";

/** A volume whose value at every voxel is a linear function of its place in mm. */
function ramp(shape: [number, number, number], affine: readonly number[]): Volume<Float32Array> {
  const data = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let at = 0; at < data.length; at++) {
    const voxel = [
      Math.floor(at / (shape[1] * shape[2])),
      Math.floor(at / shape[2]) % shape[1],
      at % shape[2],
    ] as const;
    const [x, y, z] = applyAffine(affine, voxel);
    data[at] = x + 2 * y - 3 * z;
  }
  return volumeFrom(data, shape, affine);
}

const oblique = [1.1, 0.3, 0, -4, -0.2, 0.9, 0.1, 3, 0.1, 0, 2.2, -6, 0, 0, 0, 1];

Deno.test("resampleOnto() carries values to the same place in mm, through oblique and mirrored affines", () => {
  const source = ramp([12, 14, 9], oblique);
  const target = multiplyAffine(oblique, [-0.8, 0.1, 0, 9, 0.1, 0.7, 0, 1, 0, 0, 0.6, 1, 0, 0, 0, 1]);
  const expected = ramp([8, 8, 8], target);
  const got = rowMajor(resampleOnto(source, gridOf(expected), "linear", NaN));
  const inside = got.filter((v) => !Number.isNaN(v));
  assert.ok(inside.length > 300);
  got.forEach((v, at) => {
    if (!Number.isNaN(v)) assert.ok(Math.abs(v - expected.array.data[at]!) < 2, `${at}`);
  });
  // Away from the half-voxel rim, where values are held, a linear function is carried exactly.
  const core = ramp([4, 4, 4], multiplyAffine(oblique, scalingAffine([0.7, 0.7, 0.7], [3, 3, 3])));
  rowMajor(resampleOnto(source, gridOf(core), "linear", NaN)).forEach((v, at) =>
    assert.ok(Math.abs(v - core.array.data[at]!) < 1e-4)
  );
});

Deno.test("resampleOnto() does not care how the source is stored", () => {
  const source = ramp([5, 6, 7], [-1, 0, 0, 3, 0, 0, 2, 1, 0, 1.5, 0, -2, 0, 0, 0, 1]);
  const grid = gridOf(ramp([4, 4, 4], scalingAffine([0.9, 1, 1], [-0.5, 2, -1])));
  const a = rowMajor(resampleOnto(source, grid, "linear", -99));
  const b = rowMajor(resampleOnto(toAnatomical(source), grid, "linear", -99));
  a.forEach((v, at) => assert.ok(Math.abs(v - b[at]!) < 1e-4));
});

Deno.test("gridWithSpacing() covers the same space", () => {
  const grid = gridOf(ramp([10, 12, 8], oblique));
  const coarse = gridWithSpacing(grid, [grid.spacing[0] * 2, grid.spacing[1] * 3, grid.spacing[2] / 2]);
  assert.deepEqual(coarse.shape, [5, 4, 16]);
  const corner = (g: typeof grid) => applyAffine(g.affine, [-0.5, -0.5, -0.5]);
  const far = (g: typeof grid) =>
    applyAffine(g.affine, [g.shape[0] - 0.5, g.shape[1] - 0.5, g.shape[2] - 0.5]);
  corner(coarse).forEach((mm, axis) => assert.ok(Math.abs(mm - corner(grid)[axis]!) < 1e-9));
  far(coarse).forEach((mm, axis) => assert.ok(Math.abs(mm - far(grid)[axis]!) < 1e-9));
});

Deno.test("resampleLabels() keeps labels whole and is closer to a sphere than nearest neighbour", () => {
  const sphere = (side: number, mm: number) => {
    const data = new Uint8Array(side ** 3);
    for (let at = 0; at < data.length; at++) {
      const place = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side].map((i) =>
        (i + 0.5) * mm - 12
      );
      data[at] = Math.hypot(...place) < 8 ? 3 : 0;
    }
    return volumeFrom(data, [side, side, side], scalingAffine([mm, mm, mm], [mm / 2, mm / 2, mm / 2]));
  };
  const fine = sphere(24, 1), coarse = sphere(8, 3);
  const wrong = (volume: Volume<Uint8Array>) =>
    rowMajor(volume).reduce((sum, v, at) => sum + +(v !== fine.array.data[at]), 0);
  const smooth = resampleLabels(coarse, gridOf(fine));
  assert.deepEqual([...new Set(rowMajor(smooth))].sort(), [0, 3]);
  assert.deepEqual(shapeOf(smooth), [24, 24, 24]);
  assert.ok(wrong(smooth) < wrong(resampleOnto(coarse, gridOf(fine), "nearest", 0)));
});

Deno.test("invertAffine() undoes random affines", () => {
  const random = new Random(4);
  for (let i = 0; i < 100; i++) {
    const affine = [...Array.from({ length: 12 }, () => random.normal()), 0, 0, 0, 1];
    multiplyAffine(affine, invertAffine(affine)).forEach((v, at) =>
      assert.ok(Math.abs(v - (at % 5 === 0 ? 1 : 0)) < 1e-9)
    );
  }
});
