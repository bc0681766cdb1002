import assert from "node:assert/strict";
import type { Triple } from "../../eval/metrics/label_grid.ts";
import {
  gaussianWindow,
  type PatchPredictor,
  slidingWindow,
  windowStarts,
} from "../../eval/sliding_window.ts";
import { Random } from "../../tensor/random.ts";

/** Probability 1 for the class that the voxel's value names. */
function identity(classes: number, voxels: number): PatchPredictor {
  return (patches, n) =>
    Promise.resolve(patches.map((patch) => {
      const out = new Float32Array(n * classes * voxels);
      patch.forEach((value, i) => {
        const window = Math.floor(i / voxels), voxel = i % voxels;
        out[(window * classes + value) * voxels + voxel] = 1;
      });
      return out;
    }));
}

const layouts: { shape: Triple; patch: Triple; overlap: number; batch: number }[] = [
  { shape: [9, 10, 11], patch: [4, 4, 4], overlap: 0.5, batch: 1 },
  { shape: [9, 10, 11], patch: [4, 4, 4], overlap: 0.5, batch: 7 },
  { shape: [5, 20, 7], patch: [8, 6, 7], overlap: 0.25, batch: 2 }, // larger than the volume along one axis
  { shape: [3, 2, 4], patch: [8, 8, 8], overlap: 0.5, batch: 3 }, // larger along all
  { shape: [12, 5, 6], patch: [4, 4, 4], overlap: 0, batch: 2 },
  { shape: [1, 17, 16], patch: [1, 8, 8], overlap: 0.7, batch: 4 }, // a slice
];

Deno.test("slidingWindow() of the identity returns the image, for every layout and both heads", async () => {
  const random = new Random(3);
  for (const { shape, patch, overlap, batch } of layouts) {
    const voxels = shape[0] * shape[1] * shape[2];
    const images = [0, 1].map(() => Float32Array.from({ length: voxels }, () => random.integer(5)));
    const { labels, probabilities } = await slidingWindow(
      { images, padding: [0, 0], shape, patch, overlap, batch, classes: 5, probabilities: true },
      identity(5, patch[0] * patch[1] * patch[2]),
    );
    images.forEach((image, m) => {
      assert.deepEqual([...labels[m]!], [...image], `${shape} ${patch}`);
      image.forEach((value, i) => assert.ok(Math.abs(probabilities![m]![value * voxels + i]! - 1) < 1e-6));
    });
  }
});

Deno.test("slidingWindow() of a constant returns that constant everywhere, so weights sum to one", async () => {
  for (const { shape, patch, overlap, batch } of layouts) {
    const voxels = shape[0] * shape[1] * shape[2], size = patch[0] * patch[1] * patch[2];
    const constant: PatchPredictor = (_, n) =>
      Promise.resolve([
        Float32Array.from({ length: n * 2 * size }, (_, i) => Math.floor(i / size) % 2 ? 0.7 : 0.3),
      ]);
    const { labels, probabilities } = await slidingWindow(
      {
        images: [new Float32Array(voxels)],
        padding: [0],
        shape,
        patch,
        overlap,
        batch,
        classes: 2,
        probabilities: true,
      },
      constant,
    );
    assert.ok(labels[0]!.every((label) => label === 1));
    probabilities![0]!.forEach((p, i) =>
      assert.ok(Math.abs(p - (i < voxels ? 0.3 : 0.7)) < 1e-6, `${shape}: ${p}`)
    );
  }
});

Deno.test("slidingWindow() averages overlapping windows by their Gaussian weights", async () => {
  const weight = gaussianWindow([1, 1, 4]);
  const perWindow = [0.9, 0.2]; // two windows, at 0 and 2, overlap on voxels 2 and 3
  let call = 0;
  const { probabilities } = await slidingWindow(
    {
      images: [new Float32Array(6)],
      padding: [0],
      shape: [1, 1, 6],
      patch: [1, 1, 4],
      classes: 1,
      probabilities: true,
    },
    () => Promise.resolve([new Float32Array(4).fill(perWindow[call++]!)]),
  );
  const a = weight[2]!, b = weight[0]!;
  assert.equal(call, 2);
  assert.ok(Math.abs(probabilities![0]![2]! - (a * 0.9 + b * 0.2) / (a + b)) < 1e-6);
  assert.ok(Math.abs(probabilities![0]![5]! - 0.2) < 1e-6);
});

Deno.test("slidingWindow() pads a small volume around its centre with the value it is told", async () => {
  let seen: number[] = [];
  await slidingWindow(
    { images: [Float32Array.of(5, 6)], padding: [-3], shape: [1, 1, 2], patch: [1, 1, 6], classes: 1 },
    ([patch]) => {
      seen = [...patch!];
      return Promise.resolve([new Float32Array(6)]);
    },
  );
  assert.deepEqual(seen, [-3, -3, 5, 6, -3, -3]);
});

Deno.test("windowStarts() covers the axis, keeps the overlap and ends at the border", () => {
  assert.deepEqual(windowStarts(10, 4, 0.5), [0, 2, 4, 6]);
  assert.deepEqual(windowStarts(11, 4, 0.5), [0, 2, 4, 6, 7]);
  assert.deepEqual(windowStarts(4, 4, 0.5), [0]);
  assert.deepEqual(windowStarts(3, 6, 0.5), [-1]);
});

Deno.test("slidingWindow() refuses misfits and never lets NaN become a class", async () => {
  const image = new Float32Array(8);
  const input = { images: [image], padding: [0], shape: [2, 2, 2], patch: [2, 2, 2], classes: 2 } as const;
  const zeros: PatchPredictor = () => Promise.resolve([new Float32Array(16)]);
  await assert.rejects(slidingWindow({ ...input, images: [new Float32Array(7)] }, zeros), {
    code: "eval.window",
  });
  await assert.rejects(slidingWindow({ ...input, images: [] }, zeros), { code: "eval.window" });
  await assert.rejects(slidingWindow({ ...input, padding: [] }, zeros), { code: "eval.window" });
  await assert.rejects(slidingWindow({ ...input, overlap: 1 }, zeros), { code: "eval.window" });
  await assert.rejects(slidingWindow({ ...input, patch: [0, 2, 2] }, zeros), { code: "eval.window" });
  await assert.rejects(slidingWindow({ ...input, classes: 3 }, zeros), { code: "eval.probabilities" });
  const broken = new Float32Array(16);
  broken[3] = NaN;
  await assert.rejects(slidingWindow(input, () => Promise.resolve([broken])), {
    code: "eval.probabilities",
    message: /voxel \[0, 1, 1\]/,
  });
});

Deno.test("the next windows are begun before an answer, and none is under way when a callback has thrown", async () => {
  let live = 0, most = 0;
  const inner = identity(2, 64);
  const predict: PatchPredictor = async (patches, n) => {
    most = Math.max(most, ++live);
    await new Promise((resolve) => setTimeout(resolve, 5));
    live--;
    return await inner(patches, n);
  };
  const input = { images: [new Float32Array(8 ** 3)], padding: [0], classes: 2 } as const;
  const shape: Triple = [8, 8, 8], patch: Triple = [4, 4, 4];
  await slidingWindow({ ...input, shape, patch }, predict);
  assert.deepEqual([live, most], [0, 2]);
  const onWindow = () => {
    throw new Error("enough");
  };
  await assert.rejects(slidingWindow({ ...input, shape, patch, onWindow }, predict), { message: "enough" });
  assert.equal(live, 0);
});
