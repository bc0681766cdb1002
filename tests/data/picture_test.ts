import assert from "node:assert/strict";
import { decodePng } from "../../data/deps.ts";
import { overlay, picture } from "../../data/picture.ts";
import { turnVolume } from "../../data/orientation.ts";
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
  assert.deepEqual(at(5, 25), [255, 255, 255]);
  const [red, , blue] = at(95, 25);
  assert.ok(red! > blue!); // orange over black
  assert.deepEqual(at(150, 5), [0, 0, 0]); // above the coronal plane, which is 10 mm high
});

Deno.test("picture() tells organs apart although most of the volume is air", () => {
  const body = (at: number) => Math.floor(at / 400) % 20 >= 5 && Math.floor(at / 400) % 20 < 15; // of each row
  const values = Float32Array.from({ length: 8000 }, (_, at) => body(at) ? 50 * (at % 2) : -1000);
  const scan = volumeFrom(values, [20, 20, 20], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  const { data: pixels, channels } = decodePng(picture(scan, undefined, 20));
  const greys = new Set(Array.from({ length: 20 * 64 }, (_, at) => pixels[channels * at]!));
  const [air, dark, light] = [...greys].toSorted((a, b) => a - b);
  assert.ok(air === 0 && light! - dark! > 100, `0 is as light as 50, because air is at -1000: ${[...greys]}`);
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

/** A head of 24 × 20 × 16 voxels whose Right, Anterior and Superior halves differ, stored with any axes. */
const head = new Float32Array(24 * 20 * 16);
for (let s = 0, at = 0; s < 16; s++) {
  for (let a = 0; a < 20; a++) {
    for (let r = 0; r < 24; r++) head[at++] = (r > 11 ? 4 : 0) + (a > 9 ? 2 : 0) + (s > 7 ? 1 : 0);
  }
}
const upright = volumeFrom(head, [16, 20, 24], [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
const mark = volumeFrom(Uint8Array.from(head, (v) => v === 7 ? 1 : 0), [16, 20, 24], upright.affine);

Deno.test("picture() draws the same pixels, letters included, however image and labels are stored", () => {
  const want = decodePng(picture(upright, mark, 160));
  for (const axes of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const) {
    for (let flips = 0; flips < 8; flips++) {
      const turn = { axes, flips: [!!(flips & 1), !!(flips & 2), !!(flips & 4)] as const };
      const stored = turnVolume(upright, turn);
      for (const labels of [mark, turnVolume(mark, turn)]) { // as the image, and in another order
        assert.deepEqual(decodePng(picture(stored, labels, 160)).data, want.data, `${axes} ${flips}`);
      }
    }
  }
  const apart = volumeFrom(
    new Uint8Array(mark.array.size),
    [16, 20, 24],
    mark.affine.map((v, i) => i === 3 ? v + 5 : v),
  );
  assert.throws(() => picture(upright, apart), { code: "geometry.mismatch" });
});

Deno.test("picture() writes R, L, A, P, S and I at the edges of its planes", () => {
  const plain = volumeFrom(new Float32Array(16 * 20 * 24).fill(3), [16, 20, 24], upright.affine); // draws black
  const { width, data: pixels, channels } = decodePng(picture(plain, undefined, 160));
  const shown = (left: number, top: number): string =>
    Array.from(
      { length: 7 },
      (_, y) =>
        Array.from({ length: 5 }, (_, x) =>
          pixels[channels * ((top + y) * width + left + x)] === 255 ? "#" : ".").join(""),
    ).join("/");
  const r = "####./#...#/#...#/####./#.#../#..#./#...#", l = "#..../#..../#..../#..../#..../#..../#####";
  // Axial: 160 × 133 px at 160 a 24 mm side, from row 13.
  assert.equal(shown(2, 13 + 63), r);
  assert.equal(shown(160 - 7, 13 + 63), l);
});
