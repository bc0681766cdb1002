import assert from "node:assert/strict";
import type { Triple } from "../../../eval/metrics/label_grid.ts";
import { areaWeightedDistances, elementAreas } from "../../../eval/metrics/surfel.ts";
import { makeBall, makeGrid } from "../make_grids.ts";

const mask = (shape: Triple, inside: (z: number, y: number, x: number) => boolean): Uint8Array =>
  makeGrid(shape, [1, 1, 1], (z, y, x) => +inside(z, y, x)).array.data as Uint8Array;

Deno.test("areaWeightedDistances() gives 1.5 mm for two voxels two steps apart on the last axis", () => {
  const shape: Triple = [1, 1, 3];
  const d = areaWeightedDistances({
    shape,
    spacing: [3, 2, 1],
    prediction: mask(shape, (_z, _y, x) => x === 0),
    reference: mask(shape, (_z, _y, x) => x === 2),
  });
  for (const value of Object.values(d)) assert.ok(Math.abs(value - 1.5) < 1e-12, `${value}`);
});

Deno.test("areaWeightedDistances() matches the published 50 against 51 slices, 0.322 and 0.339 mm", () => {
  const shape: Triple = [51, 100, 100];
  const d = areaWeightedDistances({
    shape,
    spacing: [2, 1, 1],
    prediction: mask(shape, (z) => z < 50),
    reference: mask(shape, () => true),
  });
  assert.equal(d.predictionToReference.toFixed(3), "0.322");
  assert.equal(d.referenceToPrediction.toFixed(3), "0.339");
});

Deno.test("elementAreas() are those of the flat cases, and complements share their surface or cut more off", () => {
  const spacing: Triple = [3, 2, 1], area = elementAreas(spacing);
  assert.equal(area[0], 0);
  assert.equal(area[255], 0);
  assert.ok(Math.abs(area[0b00001111]! - 2 * 1) < 1e-12); // lower half along axis 0: a face of 2 × 1 mm
  assert.ok(Math.abs(area[0b00110011]! - 3 * 1) < 1e-12);
  assert.ok(Math.abs(area[0b01010101]! - 3 * 2) < 1e-12);
  const corner = Math.hypot(3 * 2, 2 * 1, 3 * 1) / 8; // triangle between the middles of three edges
  for (let b = 0; b < 8; b++) {
    assert.ok(Math.abs(area[1 << b]! - corner) < 1e-12);
    assert.ok(Math.abs(area[255 ^ (1 << b)]! - corner) < 1e-12);
  }
  assert.ok(area.subarray(1, 255).every((a) => a > 0 && Number.isFinite(a)));
});

Deno.test("elementAreas() add up to about the surface of a ball", () => {
  const shape: Triple = [45, 45, 45], radius = 20, ball = makeBall(shape, [1, 1, 1], [22, 22, 22], radius);
  const area = elementAreas([1, 1, 1]), data = ball.array.data as Uint8Array;
  let total = 0;
  for (let z = 0; z < 44; z++) {
    for (let y = 0; y < 44; y++) {
      for (let x = 0; x < 44; x++) {
        let code = 0;
        for (let b = 0; b < 8; b++) {
          if (data[((z + (b >> 2)) * 45 + y + ((b >> 1) & 1)) * 45 + x + (b & 1)]) code |= 1 << b;
        }
        total += area[code]!;
      }
    }
  }
  const sphere = 4 * Math.PI * radius ** 2;
  assert.ok(Math.abs(total / sphere - 1) < 0.1, `${total / sphere}`); // binary surfaces overestimate by some percent
});
