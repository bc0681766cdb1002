import assert from "node:assert/strict";
import { ndarray } from "../../../eval/deps.ts";
import { evaluateCase } from "../../../eval/metrics/evaluate_case.ts";
import type { CaseRecord } from "../../../eval/metrics/case_record.ts";
import type { LabelGrid, Triple } from "../../../eval/metrics/label_grid.ts";
import type { EvaluationPolicy } from "../../../eval/metrics/policy.ts";
import { Random } from "../../../tensor/random.ts";
import { makeBall, makeGrid } from "../make_grids.ts";

const unit: Triple = [1, 1, 1];

function judge(
  prediction: LabelGrid,
  reference: LabelGrid,
  policy: Partial<EvaluationPolicy> = {},
): CaseRecord {
  const classes = [{ id: 1, name: "one" }];
  return evaluateCase({ case: "a", modality: "ct", prediction, reference, classes }, policy)[0]!;
}

const empty = makeGrid([3, 4, 12], [1, 1, 1], () => 0);
const block = makeGrid([3, 4, 12], [1, 1, 1], (z, y, x) => z === 1 && y < 2 && x < 3 ? 1 : 0);

Deno.test("evaluateCase() calls a class absent and leaves it undefined when both volumes lack it", () => {
  const r = judge(empty, empty);
  assert.equal(r.status, "absent");
  for (
    const value of [r.dice, r.iou, r.precision, r.recall, r.assd_mm, r.hd95_mm, r.nsd, r.volume_difference_ml]
  ) {
    assert.equal(value, null);
  }
});

Deno.test("evaluateCase() charges the image diagonal for a false positive and for a miss", () => {
  const invented = judge(block, empty), missed = judge(empty, block);
  for (const [r, status] of [[invented, "false-positive"], [missed, "missed"]] as const) {
    assert.equal(r.status, status);
    assert.equal(r.dice, 0);
    assert.equal(r.nsd, 0);
    for (const mm of [r.asd_pred_to_ref_mm, r.asd_ref_to_pred_mm, r.assd_mm, r.hd_mm, r.hd95_mm]) {
      assert.equal(mm, 13); // the diagonal of 3 × 4 × 12 mm
    }
  }
  assert.equal(invented.recall, null);
  assert.equal(missed.precision, null);
  assert.equal(judge(empty, block, { missDistance: "undefined" }).assd_mm, null);
});

Deno.test("evaluateCase() gives 1 and 0 mm for identical volumes", () => {
  const r = judge(block, block);
  assert.deepEqual([r.status, r.dice, r.assd_mm, r.hd_mm, r.hd95_mm, r.nsd], ["found", 1, 0, 0, 0, 1]);
});

Deno.test("evaluateCase() measures two single voxels two steps apart on the last axis as 2 mm", () => {
  const at = (place: number): LabelGrid =>
    makeGrid([3, 3, 5], [3, 2, 1], (z, y, x) => +(z === 1 && y === 1 && x === place));
  const r = judge(at(1), at(3));
  assert.deepEqual([r.dice, r.assd_mm, r.hd_mm, r.hd95_mm], [0, 2, 2, 2]);
});

Deno.test("evaluateCase() matches the published figures for concentric balls", () => {
  const small = makeBall([99, 99, 99], unit, [20, 33, 22], 20),
    large = makeBall([99, 99, 99], unit, [20, 33, 22], 40);
  const r = judge(small, large);
  assert.ok(Math.abs(r.assd_mm! - 15.117741) < 1e-5, `${r.assd_mm}`);
  assert.ok(
    Math.abs(r.asd_ref_to_pred_mm! - 12.0400335) < 1e-5 ||
      Math.abs(r.asd_pred_to_ref_mm! - 12.0400335) < 1e-5,
    `${r.asd_ref_to_pred_mm} ${r.asd_pred_to_ref_mm}`,
  );
});

Deno.test("evaluateCase() gives 50 against 51 slices of 2 mm their hand-computed distances", () => {
  const half = (slices: number): LabelGrid => makeGrid([100, 100, 100], [2, 1, 1], (z) => z < slices ? 1 : 0);
  const r = judge(half(50), half(51));
  assert.equal(r.dice, 2 * 50 / 101);
  assert.equal(r.hd_mm, 2);
  // Walls: 50·(100² − 98²) voxels of the inner slices are shared; each end slice adds its inner 98².
  const shell = 50 * (100 ** 2 - 98 ** 2) + 2 * 98 ** 2; // surface voxels of the 50 slices
  const larger = shell + 100 ** 2 - 98 ** 2;
  assert.ok(Math.abs(r.asd_pred_to_ref_mm! - insideToWall(98) / shell) < 1e-12, `${r.asd_pred_to_ref_mm}`);
  assert.ok(Math.abs(r.asd_ref_to_pred_mm! - 2 * 100 ** 2 / larger) < 1e-12, `${r.asd_ref_to_pred_mm}`);
});

/** Sum over an n × n face of the distance to the next slice (2 mm) or the rim, whichever is nearer. */
function insideToWall(n: number): number {
  let total = 0;
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) total += Math.min(2, 1 + Math.min(y, x, n - 1 - y, n - 1 - x));
  }
  return total;
}

Deno.test("evaluateCase() sees a one-voxel structure and one that touches the border of the volume", () => {
  const corner = makeGrid([4, 4, 4], [5, 1, 1], (z, y, x) => +(z === 0 && y === 0 && x === 0));
  const wall = makeGrid([4, 4, 4], [5, 1, 1], (z) => +(z === 0)); // 16 voxels, all surface
  assert.deepEqual([judge(corner, corner).dice, judge(corner, corner).assd_mm], [1, 0]);
  const r = judge(corner, wall);
  let sum = 0;
  for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) sum += Math.hypot(y, x);
  assert.equal(r.asd_pred_to_ref_mm, 0);
  assert.ok(Math.abs(r.asd_ref_to_pred_mm! - sum / 16) < 1e-12);
  assert.ok(Math.abs(r.assd_mm! - sum / 17) < 1e-12);
});

Deno.test("evaluateCase(): what lies at the tolerance is within it, though an oblique affine in float32 rounds its voxels up", () => {
  for (const spacing of [1, 1.00000002] as const) {
    const cube = (from: number) =>
      makeGrid([3, 3, 12], [spacing, spacing, spacing], (_z, _y, x) => x >= from && x < from + 4 ? 1 : 0);
    assert.equal(judge(cube(2), cube(4), { nsdToleranceMm: 2 }).nsd, 1, `voxels of ${spacing} mm`);
  }
});

Deno.test("evaluateCase() counts past 2^24 voxels exactly", () => {
  const size: Triple = [1, 1, 16842752]; // more than float32 counts, in a row, whose distances take least time
  const full = makeGrid(size, [5, 1, 1], () => 1);
  const r = judge(makeGrid(size, [5, 1, 1], (z, y, x) => z + y + x === 0 ? 0 : 1), full);
  assert.equal(r.n_ref, 16842752);
  assert.equal(r.n_pred, 16842751);
  assert.equal(r.dice, 2 * 16842751 / (16842752 + 16842751));
});

Deno.test("evaluateCase() equals the definitions written out plainly, on random volumes and strides", () => {
  const random = new Random(5);
  for (let trial = 0; trial < 40; trial++) {
    const shape: Triple = [1 + random.integer(7), 1 + random.integer(7), 1 + random.integer(7)];
    const spacing: Triple = [random.uniform(0.5, 3), random.uniform(0.5, 3), random.uniform(0.5, 3)];
    const draw = (): LabelGrid => makeGrid(shape, spacing, () => random.uniform() < 0.6 ? 1 : 0);
    const p = draw(), r = draw();
    const got = judge(p, r, { nsdToleranceMm: 1 }), want = plainly(p, r, 1);
    for (const [name, value] of Object.entries(want)) {
      const g = got[name as keyof CaseRecord] as number | null;
      assert.ok(
        g === value || Math.abs(g! - value!) < 1e-9,
        `trial ${trial}: ${name} is ${g} instead of ${value}`,
      );
    }
    const flipped = {
      array: p.array.transpose(2, 0, 1).step(-1, 1, 1),
      spacing: [spacing[2], spacing[0], spacing[1]] as const,
    };
    const turned = { array: r.array.transpose(2, 0, 1).step(-1, 1, 1), spacing: flipped.spacing };
    const again = judge(flipped, turned, { nsdToleranceMm: 1 });
    assert.equal(again.dice, got.dice);
    assert.ok(again.assd_mm === got.assd_mm || Math.abs(again.assd_mm! - got.assd_mm!) < 1e-9);
    // A file that stores its axes in another order changes no bit of what is said about the same axes.
    assert.deepEqual(judge(storedTurned(p), storedTurned(r), { nsdToleranceMm: 1 }), got);
  }
});

/** The same volume with its last axis the slowest in memory. */
function storedTurned({ array, spacing }: LabelGrid): LabelGrid {
  const [depth, height, width] = array.shape as [number, number, number];
  const data = new Uint8Array(depth * height * width);
  const turned = ndarray(data, [width, depth, height]).transpose(1, 2, 0);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) turned.set(z, y, x, array.get(z, y, x));
    }
  }
  return { array: turned, spacing };
}

/** The metrics by their definitions: sets of points, all pairs of distances. */
function plainly(
  p: LabelGrid,
  r: LabelGrid,
  tolerance: number,
): Partial<Record<keyof CaseRecord, number | null>> {
  const [depth, height, width] = p.array.shape as [number, number, number];
  const on = (g: LabelGrid, z: number, y: number, x: number): boolean =>
    z >= 0 && y >= 0 && x >= 0 && z < depth && y < height && x < width && g.array.get(z, y, x) === 1;
  const surface = (g: LabelGrid): number[][] => {
    const points: number[][] = [];
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          // One slice is judged in its plane: nothing is outside along an axis of one voxel.
          const single = depth * height * width === 1;
          const neighbours = [-1, 1].flatMap((step) => [
            ...(depth > 1 || single ? [[z + step, y, x]] : []),
            ...(height > 1 || single ? [[z, y + step, x]] : []),
            ...(width > 1 || single ? [[z, y, x + step]] : []),
          ]);
          if (on(g, z, y, x) && neighbours.some((n) => !on(g, n[0]!, n[1]!, n[2]!))) {
            points.push([z * g.spacing[0], y * g.spacing[1], x * g.spacing[2]]);
          }
        }
      }
    }
    return points;
  };
  let tp = 0, fp = 0, fn = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (on(p, z, y, x) && on(r, z, y, x)) tp++;
        else if (on(p, z, y, x)) fp++;
        else if (on(r, z, y, x)) fn++;
      }
    }
  }
  if (tp + fp === 0 || tp + fn === 0) return { dice: tp + fp + fn === 0 ? null : 0 };
  const sp = surface(p), sr = surface(r);
  const to = (from: number[][], target: number[][]): number[] =>
    from.map((a) => Math.min(...target.map((b) => Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!))));
  const mean = (v: number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
  const at95 = (v: number[]): number => {
    const s = v.toSorted((a, b) => a - b), rank = 0.95 * (s.length - 1), k = Math.floor(rank);
    return k + 1 < s.length ? s[k]! * (1 - rank + k) + s[k + 1]! * (rank - k) : s[k]!;
  };
  const forward = to(sp, sr), back = to(sr, sp), all = [...forward, ...back];
  const voxel = p.spacing[0] * p.spacing[1] * p.spacing[2];
  return {
    dice: 2 * tp / (2 * tp + fp + fn),
    iou: tp / (tp + fp + fn),
    precision: tp / (tp + fp),
    recall: tp / (tp + fn),
    volume_difference_ml: (fp - fn) * voxel / 1000,
    asd_pred_to_ref_mm: mean(forward),
    asd_ref_to_pred_mm: mean(back),
    assd_mm: mean(all),
    assd_mean_mm: (mean(forward) + mean(back)) / 2,
    hd_mm: Math.max(...all),
    hd95_mm: Math.max(at95(forward), at95(back)),
    nsd: all.filter((d) => d <= tolerance).length / all.length,
  };
}

Deno.test("evaluateCase() refuses what cannot be compared, with a code", () => {
  const classes = [{ id: 1, name: "one" }];
  const evaluate = (prediction: LabelGrid, reference: LabelGrid, list = classes): unknown =>
    evaluateCase({ case: "a", modality: "ct", prediction, reference, classes: list });
  const wide = makeGrid([3, 4, 13], unit, () => 0);
  const coarse = makeGrid([3, 4, 12], [2, 1, 1], () => 0);
  const odd = makeGrid([3, 4, 12], unit, (z) => z === 0 ? 7 : 0);
  const half: LabelGrid = { array: ndarray(Float32Array.of(0.5, 0), [1, 1, 2]), spacing: unit };
  const flat: LabelGrid = { array: ndarray(new Uint8Array(4), [2, 2]), spacing: unit };
  assert.throws(() => evaluate(wide, empty), { code: "eval.shape", message: /3×4×13.*3×4×12/ });
  assert.throws(() => evaluate(coarse, empty), { code: "eval.spacing" });
  assert.throws(() => evaluate(empty, odd), { code: "eval.labels", message: /7 \(48 voxels\)/ });
  assert.throws(() => evaluate(half, half), { code: "eval.labels", message: /0\.5 \(1 voxels\)/ });
  assert.throws(() => evaluate(flat, flat), { code: "eval.shape" });
  assert.throws(() => evaluate(empty, empty, []), { code: "eval.classes" });
  assert.throws(() => evaluate(empty, empty, [{ id: 0, name: "background" }]), { code: "eval.classes" });
  assert.throws(() => judge(empty, empty, { nsdToleranceMm: NaN }), { code: "eval.policy" });
});
