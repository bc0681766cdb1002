import assert from "node:assert/strict";
import published from "../../golden/eval/element_areas.json" with { type: "json" };
import { elementAreas } from "../../../eval/metrics/element_areas.ts";
import type { Triple } from "../../../eval/metrics/label_grid.ts";
import { areaWeightedDistances } from "../../../eval/metrics/surface_elements.ts";
import { makeBall, makeGrid } from "../make_grids.ts";

const solid = [false, false, false] as const;
const mask = (shape: Triple, inside: (z: number, y: number, x: number) => boolean): Uint8Array =>
  makeGrid(shape, [1, 1, 1], (z, y, x) => +inside(z, y, x)).array.data as Uint8Array;

Deno.test("elementAreas() equal all 256 published areas of surface elements", () => {
  for (const { spacing, areas } of published) {
    const got = elementAreas(spacing as unknown as Triple);
    for (let code = 0; code < 256; code++) {
      const want = areas[Math.min(code, 255 - code)]!;
      assert.ok(Math.abs(got[code]! - want) < 1e-9, `${spacing}, code ${code}: ${got[code]} for ${want}`);
    }
  }
});

Deno.test("elementAreas() are the same however the cube is turned or mirrored", () => {
  const spacing: Triple = [0.8, 1.3, 5], areas = elementAreas(spacing);
  for (const axes of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const) {
    const turned = elementAreas([spacing[axes[0]], spacing[axes[1]], spacing[axes[2]]]);
    for (let flips = 0; flips < 8; flips++) {
      for (let code = 0; code < 256; code++) {
        let other = 0;
        for (let b = 0; b < 8; b++) {
          if ((code >> b & 1) === 0) continue;
          const at = [b >> 2 & 1, b >> 1 & 1, b & 1].map((step, axis) => step ^ (flips >> axis & 1));
          other |= 1 << (at[axes[0]]! * 4 + at[axes[1]]! * 2 + at[axes[2]]!);
        }
        assert.ok(Math.abs(areas[code]! - turned[other]!) < 1e-12, `${axes} ${flips} ${code}`);
      }
    }
  }
});

Deno.test("areaWeightedDistances() gives the published 1.5 mm for two voxels two steps apart", () => {
  const shape: Triple = [1, 1, 3];
  const pair = {
    shape,
    spacing: [3, 2, 1] as const,
    prediction: mask(shape, (_z, _y, x) => x === 0),
    reference: mask(shape, (_z, _y, x) => x === 2),
  };
  for (const flat of [solid, [true, false, false] as const]) { // in space, and two pixels of a slice
    const d = areaWeightedDistances({ ...pair, flat });
    for (const value of [d.predictionToReference, d.referenceToPrediction, d.symmetric]) {
      assert.ok(Math.abs(value - 1.5) < 1e-12, `${value}`);
    }
    assert.equal(d.largest, 2);
  }
});

Deno.test("areaWeightedDistances() matches the published 50 against 51 slices, 0.322 and 0.339 mm", () => {
  const shape: Triple = [51, 100, 100];
  const d = areaWeightedDistances({
    shape,
    spacing: [2, 1, 1],
    flat: solid,
    prediction: mask(shape, (z) => z < 50),
    reference: mask(shape, () => true),
  });
  assert.equal(d.predictionToReference.toFixed(3), "0.322");
  assert.equal(d.referenceToPrediction.toFixed(3), "0.339");
});

Deno.test("areaWeightedDistances() of one slice weighs contours by their published lengths, on every axis", () => {
  // A square of 2 × 2 and one of 3 × 2 pixels of 2 × 1 mm: 4 corners, 2 horizontal and 2 or 4 vertical pieces.
  const corner = Math.hypot(2, 1) / 2;
  const forward = 1 / (4 * corner + 2 * 1 + 2 * 2); // one horizontal piece lies 1 mm away
  const inside = (rows: number) => (y: number, x: number): boolean => y >= 1 && y <= rows && x >= 1 && x <= 2;
  for (const axis of [0, 1, 2] as const) {
    const spread = <T>(slice: T, a: T, b: T): [T, T, T] =>
      axis === 0 ? [slice, a, b] : axis === 1 ? [a, slice, b] : [a, b, slice];
    const shape: Triple = spread(1, 6, 6), spacing: Triple = spread(7, 2, 1);
    const draw = (rows: number): Uint8Array =>
      mask(shape, (...at) => {
        const [y, x] = at.filter((_, i) => i !== axis);
        return inside(rows)(y!, x!);
      });
    const d = areaWeightedDistances({
      shape,
      spacing,
      flat: spread(true, false, false),
      prediction: draw(2),
      reference: draw(3),
    });
    const back = 2 * (corner + 1 + corner) / (4 * corner + 2 * 1 + 4 * 2); // the lower side lies 2 mm away
    assert.ok(Math.abs(d.predictionToReference - forward) < 1e-12, `${d.predictionToReference} ${forward}`);
    assert.ok(Math.abs(d.referenceToPrediction - back) < 1e-12, `${d.referenceToPrediction} ${back}`);
  }
});

Deno.test("elementAreas() add up to about the surface of a ball", () => {
  const shape: Triple = [45, 45, 45], radius = 20, ball = makeBall(shape, [1, 1, 1], [22, 22, 22], radius);
  const { area } = areaWeightedDistances({
    shape,
    spacing: [1, 1, 1],
    flat: solid,
    prediction: ball.array.data as Uint8Array,
    reference: ball.array.data as Uint8Array,
  });
  const sphere = 4 * Math.PI * radius ** 2;
  assert.ok(Math.abs(area / 2 / sphere - 1) < 0.1, `${area / 2 / sphere}`); // binary surfaces overestimate by some percent
});
