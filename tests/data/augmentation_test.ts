/** Augmentation of thick slices: each slice changes as a picture of its own. */

import assert from "node:assert/strict";
import {
  changeIntensity,
  noAugmentation,
  randomGeometry,
  strongAugmentation,
} from "../../data/augmentation.ts";
import { Random } from "../../tensor/random.ts";

type Three = [number, number, number];
const patch: Three = [4, 12, 12];

Deno.test("across thick slices a patch is neither turned nor scaled, within them it is", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { map } = randomGeometry([0, 0, 0], patch, [10, 1, 1], strongAugmentation, new Random(seed));
    assert.equal(Math.abs(map[0]!), 1); // D keeps its voxels, mirrored or not
    for (const at of [1, 2, 4, 8]) assert.ok(Math.abs(map[at]!) < 1e-12, `seed ${seed}: ${map}`);
    assert.ok(Math.abs(map[6]!) > 1e-6 || Math.abs(map[5]!) !== 1);
  }
});

Deno.test("quarter turns are about axes across which voxels are square, whatever the patch", () => {
  const still = { ...noAugmentation, quarterTurns: true };
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { map } = randomGeometry([0, 0, 0], [8, 8, 8], [2, 1, 1], still, new Random(seed));
    seen.add([0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => Math.round(map[at]!) + 0).join());
    assert.equal(Math.round(map[0]!), 1);
  }
  assert.equal(seen.size, 4);
});

Deno.test("blur and loss of resolution stay within thick slices", () => {
  const slice = patch[1] * patch[2];
  for (const change of ["blur", "lowResolution"] as const) {
    const data = new Float32Array(patch[0] * slice);
    for (let at = slice; at < 2 * slice; at++) data[at] = at % 7; // the second slice alone has content
    changeIntensity(data, patch, { ...noAugmentation.intensity, [change]: 1 }, new Random(3), [10, 1, 1]);
    assert.ok(data.subarray(0, slice).every((value) => value === 0), change);
    assert.ok(data.subarray(2 * slice).every((value) => value === 0), change);
    const whole = new Float32Array(data.length);
    for (let at = slice; at < 2 * slice; at++) whole[at] = at % 7;
    changeIntensity(whole, patch, { ...noAugmentation.intensity, [change]: 1 }, new Random(3), [1, 1, 1]);
    if (change === "blur") assert.ok(whole.subarray(0, slice).some((value) => value > 0), change);
  }
});
