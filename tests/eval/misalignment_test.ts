import assert from "node:assert/strict";
import { ndarray } from "../../eval/deps.ts";
import { misalignImage, misalignLabels } from "../../eval/misalignment.ts";
import { type Perturbation, perturbationUnits } from "../../eval/robustness.ts";

const shape = [24, 20, 16] as const, spacing = [1, 1.5, 2] as const;
const make = (value: (x: number, y: number, z: number) => number) => {
  const data = new Float32Array(24 * 20 * 16);
  let at = 0;
  for (let x = 0; x < 24; x++) {
    for (let y = 0; y < 20; y++) for (let z = 0; z < 16; z++) data[at++] = value(x, y, z);
  }
  return { array: ndarray(data, [...shape]), spacing };
};
/** A ball around the centre, in mm, and its centre of mass after a move. */
const ball = make((x, y, z) => Math.hypot(x - 11.5, (y - 9.5) * 1.5, (z - 7.5) * 2) < 7 ? 1 : 0);
const kinds = Object.keys(perturbationUnits) as Perturbation[];

function centreOfMass(data: ArrayLike<number>): number[] {
  const sum = [0, 0, 0];
  let mass = 0, at = 0;
  for (let x = 0; x < 24; x++) {
    for (let y = 0; y < 20; y++) {
      for (let z = 0; z < 16; z++, at++) {
        mass += data[at]!;
        sum[0]! += data[at]! * x;
        sum[1]! += data[at]! * y * 1.5;
        sum[2]! += data[at]! * z * 2;
      }
    }
  }
  return sum.map((s) => s / mass);
}

Deno.test("misalignImage() and misalignLabels() at level 0 change nothing", () => {
  const image = make((x, y, z) => Math.sin(x) + y * z);
  for (const perturbation of kinds) {
    const moved = misalignImage(image, { perturbation, level: 0, seed: 3 });
    (image.array.data as Float32Array).forEach((value, i) => assert.ok(Math.abs(moved[i]! - value) < 1e-3));
    assert.deepEqual([...misalignLabels(ball, { perturbation, level: 0, seed: 3 })], [
      ...ball.array.data as Float32Array,
    ]);
  }
});

Deno.test("misalignImage() moves by the level in mm, labels and image alike, the same way at every level", () => {
  const before = centreOfMass(ball.array.data as Float32Array);
  const shift = (level: number): number[] =>
    centreOfMass(misalignImage(ball, { perturbation: "translation", level, seed: 5 })).map((c, i) =>
      c - before[i]!
    );
  const two = shift(2), four = shift(4);
  assert.ok(Math.abs(Math.hypot(...two) - 2) < 0.02, `${two}`);
  assert.ok(Math.abs(Math.hypot(...four) - 4) < 0.02, `${four}`);
  two.forEach((component, i) => assert.ok(Math.abs(2 * component - four[i]!) < 0.02));
  const labels = centreOfMass(misalignLabels(ball, { perturbation: "translation", level: 4, seed: 5 }));
  labels.forEach((c, i) => assert.ok(Math.abs(c - before[i]! - four[i]!) <= 1.01));
});

Deno.test("misalignImage() rotates about the centre: a ball stays, a bar turns by the angle", () => {
  const turned = misalignLabels(ball, { perturbation: "rotation", level: 40, seed: 1 });
  const kept = turned.reduce((n, v, i) => n + (v === (ball.array.data as Float32Array)[i] ? 1 : 0), 0);
  assert.ok(kept / turned.length > 0.95);
  const bar = make((x, y, z) =>
    Math.abs(x - 11.5) < 9 && Math.abs(y - 9.5) < 1 && Math.abs(z - 7.5) < 1 ? 1 : 0
  );
  const rotated = misalignLabels(bar, { perturbation: "rotation", level: 40, seed: 1 });
  assert.notDeepEqual([...rotated], [...bar.array.data as Float32Array]);
});

Deno.test("misalignImage() deforms smoothly, at most by the level", () => {
  const ramp = make((x) => x); // the value tells where along the first axis it came from
  const moved = misalignImage(ramp, { perturbation: "elastic", level: 3, seed: 2 });
  let largest = 0;
  for (let x = 4; x < 20; x++) {
    for (let y = 4; y < 16; y++) {
      for (let z = 4; z < 12; z++) {
        largest = Math.max(largest, Math.abs(moved[(x * 20 + y) * 16 + z]! - x));
      }
    }
  }
  assert.ok(largest > 0.1 && largest <= 3 + 1e-4, `${largest}`);
});

Deno.test("misalignImage() blanks the share of slices asked for and leaves labels alone", () => {
  const image = make((x) => 1 + x);
  const dropped = misalignImage(image, { perturbation: "slice-drop", level: 25, seed: 9 });
  const blank = [...Array(16).keys()].filter((z) => dropped[(23 * 20 + 5) * 16 + z] === 1);
  assert.equal(blank.length, 4);
  assert.deepEqual(
    [...misalignLabels(ball, { perturbation: "slice-drop", level: 25, seed: 9 })],
    [...ball.array.data as Float32Array],
  );
});

Deno.test("misalignImage() refuses levels below 0 and more slices than there are", () => {
  const move = (perturbation: Perturbation, level: number) => () =>
    misalignImage(ball, { perturbation, level, seed: 0 });
  assert.throws(move("translation", -1), { code: "eval.misalignment" });
  assert.throws(move("rotation", NaN), { code: "eval.misalignment" });
  assert.throws(move("slice-drop", 101), { code: "eval.misalignment" });
});
