import assert from "node:assert/strict";
import {
  changeIntensity,
  defaultAugmentation,
  noAugmentation,
  strongAugmentation,
} from "../../data/augmentation.ts";
import { foregroundBox, foregroundMask } from "../../data/foreground.ts";
import { landmarksOf, normalise, percentiles } from "../../data/normalise.ts";
import { Random } from "../../tensor/random.ts";

const random = new Random(2);
const noise = Float32Array.from({ length: 1000 }, (_, at) => at < 300 ? 0 : 50 + 10 * random.normal());
const mask = foregroundMask(noise, [10, 10, 10], "mr");

Deno.test("percentiles() interpolates as numpy does", () => {
  // numpy.percentile([3, 1, 2, 10], [0, 25, 50, 90, 100])
  assert.deepEqual(percentiles([3, 1, 2, 10], [0, 25, 50, 90, 100]).map((v) => Number(v.toFixed(6))), [
    1,
    1.75,
    2.5,
    7.9,
    10,
  ]);
  assert.deepEqual(percentiles([5], [0, 50, 100]), [5, 5, 5]);
});

Deno.test("normalise() z-scores over the foreground only and tells the value of background", () => {
  const { image, background } = normalise(noise, mask, { kind: "zscore" }, "x");
  const inside = image.filter((_, at) => mask[at] === 1);
  const mean = inside.reduce((a, b) => a + b) / inside.length;
  const deviation = Math.sqrt(inside.reduce((sum, v) => sum + (v - mean) ** 2, 0) / inside.length);
  assert.ok(Math.abs(mean) < 1e-5 && Math.abs(deviation - 1) < 1e-5);
  assert.equal(background, image[0]);
  assert.ok(background < -4);
});

Deno.test("normalise() maps a CT window to 0 … 1 and clips outside", () => {
  const { image } = normalise(Float32Array.of(-1000, -175, 37.5, 250, 900), new Uint8Array(5), {
    kind: "window",
    low: -175,
    high: 250,
  }, "x");
  assert.deepEqual([...image], [0, 0, 0.5, 1, 1]);
});

Deno.test("normalise() by landmarks undoes a monotone change of contrast", () => {
  const changed = noise.map((v) => v === 0 ? 0 : 3 * v ** 1.5 + 20);
  const landmarks = landmarksOf([{ image: noise, mask }]);
  const matched = (image: Float32Array) =>
    normalise(image, mask, { kind: "landmarks", landmarks }, "x").image;
  const a = matched(noise), b = matched(changed);
  const largest = Math.max(...a.map((v, at) => Math.abs(v - b[at]!)));
  assert.ok(largest < 0.05, `${largest}`);
  assert.throws(
    () => normalise(new Float32Array(1000).fill(3), mask, { kind: "landmarks", landmarks }, "x"),
    {
      code: "data.constant",
    },
  );
});

Deno.test("foregroundMask() knows CT air, zeros, and a constant background that is not 0", () => {
  assert.deepEqual([...foregroundMask(Float32Array.of(-1000, -499, 0, 40), [1, 2, 2], "ct")], [0, 1, 1, 1]);
  const shifted = Float32Array.from({ length: 27 }, (_, at) => at === 13 ? 0 : -3.6);
  assert.equal(foregroundMask(shifted, [3, 3, 3], "mr").reduce((a, b) => a + b), 1);
  assert.deepEqual(foregroundBox([foregroundMask(shifted, [3, 3, 3], "mr")], [3, 3, 3], "x"), {
    low: [1, 1, 1],
    size: [1, 1, 1],
  });
});

Deno.test("changeIntensity() with no ranges is the identity, with ranges it repeats for the same stream", () => {
  const patch = noise.slice();
  changeIntensity(patch, [10, 10, 10], noAugmentation.intensity, new Random(1), [1, 1, 1]);
  patch.forEach((v, at) => assert.ok(Math.abs(v - noise[at]!) < 1e-4));
  for (const { intensity } of [defaultAugmentation, strongAugmentation]) {
    const [a, b, c] = [1, 1, 2].map((seed) => {
      const copy = noise.slice();
      changeIntensity(copy, [10, 10, 10], intensity, new Random(seed), [1, 1, 1]);
      return copy;
    });
    assert.deepEqual(a, b);
    assert.notDeepEqual(a, c);
    assert.ok(a!.every(Number.isFinite));
  }
});
