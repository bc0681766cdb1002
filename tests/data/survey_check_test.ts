import assert from "node:assert/strict";
import { gridOf, volumeFrom } from "../../data/volume.ts";
import { surveyWarnings } from "../../data/survey_check.ts";
import type { Triple } from "../../data/affine.ts";

/** An image whose D, H and W axes run along three world axes (0: R, 1: A, 2: S). */
function image(what: string, shape: Triple, spacing: Triple, along: Triple = [2, 1, 0], foreground = 0.5) {
  const affine = new Array<number>(16).fill(0);
  affine[15] = 1;
  along.forEach((world, axis) => affine[4 * world + axis] = spacing[axis]!);
  const voxels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  return { what, grid: gridOf(volumeFrom(voxels, shape, affine)), foreground };
}

Deno.test("surveyWarnings() says what is odd about shapes, with how many images and which", () => {
  const plain = (i: number) => image(`case ${i} (a)`, [20, 24, 24], [2, 1.5, 1.5]);
  const sound = [0, 1, 2].map(plain);
  assert.deepEqual(surveyWarnings(sound, [16, 16, 16]), []);
  const cases: [code: string, images: ReturnType<typeof image>[], message: RegExp][] = [
    [
      "geometry.through-plane",
      [image("x (a)", [16, 24, 24], [3, 1, 1]), image("y (a)", [16, 24, 24], [3, 1, 1], [0, 1, 2])],
      /1 along S \(x \(a\) …\), 1 along R \(y \(a\) …\)/,
    ],
    [
      "geometry.thick",
      [...sound, image("x (a)", [16, 24, 24], [12, 1, 1])],
      /1 of 4 images .* up to 12\.0: x \(a\)/,
    ],
    [
      "geometry.thin",
      [...sound, image("x (a)", [3, 24, 24], [2, 1.5, 1.5])],
      /1 of 4 images have fewer than 4/,
    ],
    [
      "data.background",
      [...sound, image("x", [16, 24, 24], [2, 1.5, 1.5], [2, 1, 0], 0.01)],
      /more than 98 %.*: x/,
    ],
    ["geometry.patch", [plain(0), image("x", [12, 24, 24], [2, 1.5, 1.5])], /^$/],
    [
      "geometry.patch",
      [plain(0), ...[1, 2].map((i) => image(`x${i}`, [12, 24, 24], [2, 1.5, 1.5]))],
      /2 of 3.*16×16×16/,
    ],
  ];
  for (const [code, images, message] of cases) {
    const found = surveyWarnings(images, [16, 16, 16]).filter((of) => of.code === code);
    assert.match(found[0]?.message ?? "", message, code);
    assert.equal(surveyWarnings(images, [16, 16, 16]).length, found.length, `${code}: nothing else is odd`);
  }
});
