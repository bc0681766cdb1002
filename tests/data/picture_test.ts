import assert from "node:assert/strict";
import { decodePng } from "../../data/deps.ts";
import { overlay, picture } from "../../data/picture.ts";
import { volumeFrom } from "../../data/volume.ts";

const data = new Float32Array(20 * 10 * 10);
for (let at = 0; at < data.length; at++) data[at] = at < 1000 ? 0 : 100; // bright on the patient's right
const volume = volumeFrom(data, [20, 10, 10], [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
const labels = volumeFrom(new Uint8Array(2000).fill(1, 0, 1000), [20, 10, 10], volume.affine);

Deno.test("picture() shows the patient's right on the left, true proportions, and labels in colour", () => {
  const { width, height, data: pixels, channels } = decodePng(picture(volume, labels, 100));
  assert.equal(height, 100);
  assert.equal(width, 100 + 4 + 100 + 4 + 100); // 20 mm across (R), 20 mm across (R), 20 mm (A)
  const at = (
    x: number,
    y: number,
  ) => [...pixels.subarray(channels * (y * width + x), channels * (y * width + x) + 3)];
  assert.deepEqual(at(5, 50), [255, 255, 255]);
  const [red, , blue] = at(95, 50);
  assert.ok(red! > blue!); // orange over black
  assert.deepEqual(at(150, 5), [0, 0, 0]); // above the coronal plane, which is 10 mm high
});

Deno.test("a volume shows itself in a notebook, alone and with labels", () => {
  for (const shown of [volume, overlay(volume, labels)]) {
    const show =
      (shown as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!;
    const { "image/png": png, "text/plain": text } = show();
    assert.deepEqual([...atob(png!).slice(0, 4)].map((c) => c.charCodeAt(0)), [0x89, 0x50, 0x4e, 0x47]);
    assert.equal(text, "Volume 20 × 10 × 10, 1.00 × 2.00 × 1.00 mm");
  }
  assert.deepEqual(Object.keys(volume), ["array", "affine", "spacing"]);
});
