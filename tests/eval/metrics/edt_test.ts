import assert from "node:assert/strict";
import { squaredDistance } from "../../../eval/metrics/edt.ts";
import type { Triple } from "../../../eval/metrics/label_grid.ts";
import { Random } from "../../../tensor/random.ts";

function bruteForce(mask: Uint8Array, shape: Triple, spacing: Triple): number[] {
  const place = (i: number): Triple => [
    Math.floor(i / (shape[1] * shape[2])) * spacing[0],
    Math.floor(i / shape[2]) % shape[1] * spacing[1],
    i % shape[2] * spacing[2],
  ];
  const marked = [...mask.keys()].filter((i) => mask[i]).map(place);
  return [...mask.keys()].map((i) => {
    const [z, y, x] = place(i);
    return Math.min(...marked.map((m) => (z - m[0]) ** 2 + (y - m[1]) ** 2 + (x - m[2]) ** 2));
  });
}

Deno.test("squaredDistance() equals brute force on 500 random anisotropic masks", () => {
  const random = new Random(11);
  for (let trial = 0; trial < 500; trial++) {
    const shape: Triple = [1 + random.integer(12), 1 + random.integer(12), 1 + random.integer(12)];
    const spacing: Triple = [random.uniform(0.2, 5), random.uniform(0.2, 5), random.uniform(0.2, 5)];
    const density = random.uniform(0.001, 0.5);
    const mask = Uint8Array.from(
      { length: shape[0] * shape[1] * shape[2] },
      () => random.uniform() < density ? 1 : 0,
    );
    const got = squaredDistance(mask, shape, spacing), want = bruteForce(mask, shape, spacing);
    const wanted = mask.map(() => random.uniform() < 0.1 ? 1 : 0);
    squaredDistance(mask, shape, spacing, wanted).forEach((value, i) => {
      if (wanted[i]) assert.equal(value, got[i], "what is wanted does not change by leaving out the rest");
    });
    for (let i = 0; i < want.length; i++) {
      assert.ok(
        got[i] === want[i] || Math.abs(got[i]! - want[i]!) <= 1e-9,
        `trial ${trial}, ${shape}, voxel ${i}: ${got[i]} instead of ${want[i]}`,
      );
    }
  }
});

Deno.test("squaredDistance() is infinite everywhere when nothing is marked", () => {
  assert.ok(squaredDistance(new Uint8Array(60), [3, 4, 5], [1, 2, 3]).every((d) => d === Infinity));
});

Deno.test("squaredDistance() handles lines longer than a bundle and single voxels", () => {
  const mask = new Uint8Array(40 * 3 * 37);
  mask[mask.length - 1] = 1;
  const field = squaredDistance(mask, [40, 3, 37], [0.5, 1, 2]);
  assert.equal(field[0], 19.5 ** 2 + 2 ** 2 + 72 ** 2);
  assert.deepEqual([...squaredDistance(Uint8Array.of(1), [1, 1, 1], [1, 1, 1])], [0]);
});
