import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { ndarray } from "../../../eval/deps.ts";
import type { ImageGrid } from "../../../eval/mod.ts";
import {
  chooseSide,
  packedImage,
  packedLabels,
  packing,
  startVoxel,
} from "../../../eval/report/viewer_volumes.ts";

const unpacked = (text: string) => [...gunzipSync(Buffer.from(text, "base64"))];
const grid = (
  shape: [number, number, number],
  value: (d: number, h: number, w: number) => number,
): ImageGrid => {
  const [depth, height, width] = shape, data = new Float32Array(depth * height * width);
  for (let at = 0; at < data.length; at++) {
    data[at] = value(Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width);
  }
  return { array: ndarray(data, shape), spacing: [3, 1, 1] };
};

Deno.test("the viewer's volumes hold every n-th voxel, in the order D, H, W, whatever the strides", () => {
  const image = grid([3, 5, 4], (d, h, w) => 100 * d + 10 * h + w);
  const turned = { ...image, array: image.array.transpose(0, 2, 1) };
  const volume = packing(turned, 3);
  assert.deepEqual(volume, { shape: [3, 2, 3], step: [1, 2, 2], spacing: [3, 2, 2] });
  const { low, high, data } = packedImage(turned, volume, [0, 0, 0]);
  const values = unpacked(data).map((byte) => low + byte / 255 * (high - low));
  const wanted = [0, 1, 2].flatMap((d) => [0, 2].flatMap((w) => [0, 2, 4].map((h) => 100 * d + 10 * h + w)));
  values.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]!) < 1, `${value} for ${wanted[i]}`));
});

Deno.test("the viewer's labels are places in the list of classes, and others are background", () => {
  const labels = grid([1, 1, 4], (_d, _h, w) => [0, 7, 2, 9][w]!);
  const classes = [{ id: 2, name: "b" }, { id: 7, name: "a" }];
  assert.deepEqual(unpacked(packedLabels(labels, packing(labels, 192), classes)), [0, 2, 1, 0]);
});

Deno.test("the viewer opens on the lesion, and in the middle where there is none", () => {
  const lesion = grid([9, 20, 20], (d, h, w) => d === 6 && h > 14 && w < 4 ? 3 : 0);
  assert.deepEqual(startVoxel(lesion, packing(lesion, 192)), [6, 17, 1]);
  const ring = grid([3, 9, 9], (d, h, w) => d === 1 && (h - 4) ** 2 + (w - 4) ** 2 > 8 ? 1 : 0);
  const [d, h, w] = startVoxel(ring, packing(ring, 192));
  assert.equal(ring.array.get(d, h, w), 1, "the point itself is labelled");
  const empty = grid([4, 6, 8], () => 0);
  assert.deepEqual(startVoxel(empty, packing(empty, 192)), [2, 3, 4]);
});

Deno.test("many or large volumes are thinned until a page can hold them", () => {
  const large: ImageGrid = {
    ...grid([1, 1, 1], () => 0),
    array: ndarray(new Uint8Array(0), [300, 512, 512]),
  };
  assert.equal(chooseSide([large]), 192);
  assert.equal(chooseSide(new Array(20).fill(large)), 128);
  assert.equal(chooseSide(new Array(10_000).fill(large)), 64);
});
