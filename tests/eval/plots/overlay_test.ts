import assert from "node:assert/strict";
import { ndarray } from "../../../eval/deps.ts";
import { chooseCases, overlayPlot } from "../../../eval/mod.ts";
import { busiestSlice, cutSlice, greyScale, sliceCount } from "../../../eval/plots/slice.ts";
import { makeRecords } from "../make_records.ts";
import { assertSnapshot, withoutWarnings } from "../snapshot.ts";

const shape = [3, 5, 4] as const;
const volume = (value: (x: number, y: number, z: number) => number) => {
  const data = new Float32Array(60);
  let at = 0;
  for (let z = 0; z < 3; z++) {
    for (let y = 0; y < 5; y++) for (let x = 0; x < 4; x++) data[at++] = value(x, y, z);
  }
  return { array: ndarray(data, [...shape]), spacing: [3, 2, 1] as const };
};

Deno.test("cutSlice() puts the right of the patient on the left and anterior or superior at the top", () => {
  const grid = volume((x, y, z) => 100 * x + 10 * y + z);
  const axial = cutSlice(grid, "axial", 2);
  assert.deepEqual([axial.width, axial.height, axial.pixel], [4, 5, [1, 2]]);
  assert.equal(axial.values[0], 342); // most right, most anterior
  assert.equal(axial.values.at(-1), 2);
  const sagittal = cutSlice(grid, "sagittal", 1);
  assert.deepEqual([sagittal.width, sagittal.height, sagittal.pixel], [5, 3, [2, 3]]);
  assert.equal(sagittal.values[0], 142); // most anterior, most superior
  assert.equal(sliceCount(grid, "coronal"), 5);
  assert.deepEqual([cutSlice(grid, "axial", 0, 2).width, cutSlice(grid, "axial", 0, 2).height], [2, 3]);
});

Deno.test("busiestSlice() finds the slice with most labels; greyScale() spans a volume without its air", () => {
  assert.equal(busiestSlice(volume((_x, _y, z) => z === 1 ? 1 : 0), "axial"), 1);
  assert.equal(busiestSlice(volume(() => 0), "axial"), 1);
  const grey = greyScale(volume((x) => x), [1, 2, 2]);
  assert.deepEqual([grey(-5), grey(0), grey(1), grey(3), grey(9)], [0, 0, 85, 255, 255]);
  const air = greyScale(volume((x) => x > 1 ? -1000 : 40 * x), [1, 2, 1]);
  assert.deepEqual([air(-1000), air(0), air(40)], [0, 64, 191], "organs are told apart beside air");
  assert.equal(greyScale(volume(() => 7), [1, 2, 2])(7), 0);
});

Deno.test("overlayPlot() keeps its drawing", () => {
  const image = volume((x, y) => x * y);
  const labels = (reach: number) => volume((x, y, z) => x > 0 && x < reach && y > 0 && z < 2 ? 1 : 0);
  const classes = [{ id: 1, name: "liver" }];
  const drawing = { title: "case", image, reference: labels(3), prediction: labels(2), classes };
  assertSnapshot("overlay.svg", withoutWarnings(() => overlayPlot(drawing)));
});

Deno.test("chooseCases() picks best, median and worst by mean Dice, each case once", () => {
  const chosen = chooseCases(makeRecords(6));
  assert.deepEqual(chosen.map((c) => c.rank), ["best", "median", "worst"]);
  assert.ok(chosen[0]!.dice >= chosen[1]!.dice && chosen[1]!.dice >= chosen[2]!.dice);
  assert.equal(chooseCases(makeRecords(1)).length, 1);
  assert.deepEqual(chooseCases([]), []);
});

Deno.test("overlayPlot() letters every plane and refuses volumes that lie otherwise", () => {
  const image = volume((x, y) => x * y), labels = volume((x) => +(x > 1));
  const placed = (affine?: number[]) => ({ ...image, ...(affine && { affine }) });
  const draw = (affine?: number[]) =>
    overlayPlot({
      title: "a",
      image: placed(affine),
      reference: labels,
      prediction: labels,
      classes: [{ id: 1, name: "x" }],
    });
  const letters = [...draw().matchAll(/paint-order="stroke"[^>]*>([A-Z])</g)].map((match) => match[1]).join(
    "",
  );
  assert.equal(letters, "RLAPRLSIAPSI");
  const anatomical = [0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1];
  assert.equal(draw(anatomical), draw());
  const t = Math.SQRT1_2; // a rotation by 45° about the long axis still counts
  assert.equal(
    draw(
      [0, 2 * t, t, 0, 0, 2 * t, -t, 0, 3, 0, 0, 0, 0, 0, 0, 1],
    ),
    draw(),
  );
  for (
    const wrong of [[0, 0, -1, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1], [
      3,
      0,
      0,
      0,
      0,
      2,
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      1,
    ]]
  ) {
    assert.throws(() => draw(wrong), { code: "eval.orientation" });
  }
});
