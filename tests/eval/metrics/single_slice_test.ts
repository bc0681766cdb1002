import assert from "node:assert/strict";
import { ndarray } from "../../../eval/deps.ts";
import { boundedDistance } from "../../../eval/metrics/bounded_distance.ts";
import type { CaseRecord } from "../../../eval/metrics/case_record.ts";
import { evaluateCase } from "../../../eval/metrics/evaluate_case.ts";
import type { LabelGrid, Triple } from "../../../eval/metrics/label_grid.ts";
import { metricNames, metrics } from "../../../eval/metrics/metrics.ts";
import { makeGrid } from "../make_grids.ts";

const classes = [{ id: 1, name: "one" }];
const judge = (prediction: LabelGrid, reference: LabelGrid): CaseRecord =>
  evaluateCase({ case: "a", modality: "ct", prediction, reference, classes })[0]!;

/** A slice of 11 × 9 pixels, put across one of the three axes. */
function slice(
  axis: number,
  spacing: readonly [number, number],
  inside: (y: number, x: number) => boolean,
): LabelGrid {
  const spread = (a: number, b: number, across: number): Triple => {
    const sizes = [a, b];
    sizes.splice(axis, 0, across);
    return sizes as unknown as Triple;
  };
  return makeGrid(spread(11, 9, 1), spread(...spacing, 5), (...at) => {
    const [y, x] = at.filter((_, i) => i !== axis) as [number, number];
    return +inside(y, x);
  });
}

Deno.test("a volume of one slice is judged in its plane, the same across every axis", () => {
  const full = (y: number, x: number): boolean => y >= 2 && y < 8 && x >= 2 && x < 7; // 6 × 5, 18 pixels of contour
  const hollow = (y: number, x: number): boolean => full(y, x) && !(y >= 4 && y < 6 && x === 4);
  for (const axis of [0, 1, 2]) {
    const r = judge(slice(axis, [1, 1], hollow), slice(axis, [1, 1], full));
    // The hole adds its neighbours to the contour: 2 above and below, 2 × 2 at the sides; 2 of them lie 1 from the
    // outer contour, the sides 1 as well.
    assert.equal(r.n_pred, 28);
    assert.equal(r.asd_ref_to_pred_mm, 0, `axis ${axis}`);
    assert.equal(r.hd_mm, 1);
    assert.equal(r.asd_pred_to_ref_mm, 6 / (18 + 6));
    assert.equal(r.assd_mm, 6 / (18 + 6 + 18));
  }
});

Deno.test("a class missed in one slice costs the diagonal of the plane", () => {
  for (const axis of [0, 1, 2]) {
    const r = judge(slice(axis, [2, 3], () => false), slice(axis, [2, 3], (y) => y === 1));
    assert.equal(r.assd_mm, Math.hypot(22, 27), `axis ${axis}`);
  }
});

Deno.test("one slice of many, a row of voxels and a single voxel keep surfaces of their own", () => {
  const flatPart = makeGrid(
    [3, 5, 5],
    [1, 1, 1],
    (z, y, x) => +(z === 1 && y > 0 && y < 4 && x > 0 && x < 4),
  );
  const holed = makeGrid(
    [3, 5, 5],
    [1, 1, 1],
    (z, y, x) => +(z === 1 && y > 0 && y < 4 && x > 0 && x < 4 && !(y === 2 && x === 2)),
  );
  assert.equal(judge(holed, flatPart).asd_ref_to_pred_mm, 1 / 9); // in three dimensions the middle is surface too
  const row = (from: number, to: number): LabelGrid =>
    makeGrid([1, 1, 12], [9, 9, 2], (_z, _y, x) => +(x >= from && x < to));
  assert.deepEqual([judge(row(2, 8), row(2, 9)).assd_mm, judge(row(2, 8), row(2, 9)).hd_mm], [4 / 4, 2]);
  const one: LabelGrid = { array: ndarray(Uint8Array.of(1), [1, 1, 1]), spacing: [1, 1, 1] };
  assert.deepEqual([judge(one, one).dice, judge(one, one).assd_mm, judge(one, one).assd_area_mm], [1, 0, 0]);
});

Deno.test("a mean above the largest distance is an internal error that prints its operands", () => {
  const operands = () => ({ moment: 12.5, area: 2 });
  assert.equal(boundedDistance("x", 3, 3, operands), 3);
  for (const wrong of [3.1, NaN, -1, Infinity]) {
    assert.throws(() => boundedDistance("case a (ct), class one, assd_area_mm", wrong, 3, operands), {
      code: "eval.internal",
      message: /case a \(ct\), class one, assd_area_mm.*largest of them 3 mm \(moment 12\.5, area 2\)/,
    });
  }
});

Deno.test("evaluateCase() holds every metric in mm against the largest distance", () => {
  const a = slice(0, [1, 1], (y) => y > 3), b = slice(0, [1, 1], (y) => y > 5);
  for (const name of metricNames.filter((name) => metrics[name].unit === "mm")) {
    const row = metrics[name] as { compute: unknown }, compute = row.compute;
    row.compute = () => 1e3;
    try {
      assert.throws(() => judge(a, b), { code: "eval.internal", message: new RegExp(name) }, name);
    } finally {
      row.compute = compute;
    }
  }
});

Deno.test("evaluateCase() compares where the two volumes lie", () => {
  const affine = (x: number, turn = false): number[] =>
    turn
      ? [0, 1, 0, x, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]
      : [1, 0, 0, x, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  const grid = makeGrid([4, 4, 3], [1, 1, 2], (z) => +(z === 1));
  const placed = (matrix: number[]): LabelGrid => ({ ...grid, affine: matrix });
  assert.equal(judge(placed(affine(0)), placed(affine(0.05))).dice, 1);
  assert.equal(judge(grid, placed(affine(7))).dice, 1, "a grid without an affine lies anywhere");
  assert.throws(() => judge(placed(affine(0)), placed(affine(1))), {
    code: "eval.affine",
    message: /1\.00 mm apart/,
  });
  assert.throws(() => judge(placed(affine(0)), placed(affine(0, true))), { code: "eval.affine" });
});
