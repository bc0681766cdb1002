/** Phantom data sets: what a seed decides, and that the heart is scanned as cardiac MR is. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Dataset, LabelledCase } from "../../data/dataset.ts";
import { openSource } from "../../data/open_source.ts";
import { axisCodes } from "../../data/orientation.ts";
import { makePhantom } from "../../data/phantom.ts";
import { heartTissues } from "../../data/phantom/heart_anatomy.ts";
import { sequences, signalsOf } from "../../data/phantom/heart_contrast.ts";
import { planStack, storeAs } from "../../data/phantom/short_axis_stack.ts";
import { gridOf, rowMajor, shapeOf, type Volume, volumeFrom, type VoxelArray } from "../../data/volume.ts";
import { Random } from "../../tensor/random.ts";

/** A hash of all voxels, in the order of the axes given. */
async function bitsOf(dataset: Dataset, axes: readonly number[] = [0, 1, 2]): Promise<string> {
  const hash = createHash("sha256");
  const inOrder = <T extends VoxelArray>({ array }: Volume<T>) =>
    rowMajor({ array: array.transpose(...axes) });
  for (const of of dataset.cases as LabelledCase[]) {
    for (const volume of await dataset.loadImages(of)) hash.update(new Uint8Array(inOrder(volume).buffer));
    for (const volume of await dataset.loadLabels(of)) hash.update(new Uint8Array(inOrder(volume)));
  }
  return hash.digest("hex");
}

const smallHeart = (seed: number, cases = 3, misalignmentMm = 1) =>
  makePhantom({ anatomy: "heart", cases, seed, misalignmentMm, inPlaneMm: 4 });

/** The axis of the largest voxel. */
const throughPlane = ({ spacing }: Volume) => spacing.indexOf(Math.max(...spacing));

/** The mean place of a label in each slice, in voxels, along the two axes of the plane. */
function centres(labels: Volume<Uint8Array>, label: number): Map<number, number[]> {
  const axis = throughPlane(labels), [nx, ny, nz] = shapeOf(labels);
  const sums = new Map<number, number[]>();
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++) {
        if (labels.array.get(x, y, z) !== label) continue;
        const place = [x, y, z], [slice] = place.splice(axis, 1);
        const [a, b, n] = sums.get(slice!) ?? [0, 0, 0];
        sums.set(slice!, [a! + place[0]!, b! + place[1]!, n! + 1]);
      }
    }
  }
  return new Map([...sums].map(([slice, [a, b, n]]) => [slice, [a! / n!, b! / n!]]));
}

Deno.test("the abdomen of a seed has the voxels it always had: results stay comparable", async () => {
  const shape = [20, 18, 16] as const;
  assert.equal(
    // W first: the order in which these voxels were hashed when the volumes were [x, y, z].
    await bitsOf(
      makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 7, shape }),
      [2, 1, 0],
    ),
    "25dd92a15eab0b0cd6cb76b0490dec9e3d38d7a2d995f0ecbff587e1e6bc0823",
  );
});

Deno.test("a phantom is a function of its seed, also when opened again from its source, and its ids say the seed", async () => {
  const hearts = smallHeart(5), other = smallHeart(6);
  assert.equal(await bitsOf(openSource(structuredClone(hearts.source))), await bitsOf(hearts));
  assert.notEqual(await bitsOf(other), await bitsOf(hearts));
  const abdomens = makePhantom({ cases: 3, modalities: ["ct"], misalignmentMm: 0, seed: 5 });
  const ids = [hearts, other, abdomens].flatMap(({ cases }) => cases.map(({ id }) => id));
  assert.equal(new Set(ids).size, 9);
  assert.deepEqual([ids[0], ids[3], ids[6]], ["heart_s5_0", "heart_s6_0", "phantom_s5_0"]);
});

Deno.test("a sequence of a heart is the same scan whichever others are asked for", async () => {
  const heart = { anatomy: "heart", cases: 1, seed: 3, inPlaneMm: 4 } as const;
  const all = makePhantom(heart), some = makePhantom({ ...heart, modalities: ["t2", "lge"] });
  const voxels = async ({ cases, loadImages, loadLabels }: typeof all) => {
    const [one] = cases as [LabelledCase];
    const volumes = [...await loadImages(one), ...await loadLabels(one)];
    return volumes.map((volume) => Array.from(rowMajor<Float32Array | Uint8Array>(volume)));
  };
  const [, lge, t2, inBssfp, inLge, inT2] = await voxels(all);
  assert.deepEqual(await voxels(some), [t2, lge, inT2, inLge]);
  assert.notDeepEqual(inLge, inBssfp, "each lies where its breath-hold left it");
});

Deno.test("hearts are oblique short-axis stacks of 2 to 10 slices, 8 to 23 mm apart, stored in many ways", async () => {
  const dataset = makePhantom({ anatomy: "heart", cases: 24, seed: 1, modalities: ["bssfp"], inPlaneMm: 4 });
  const axes = new Set<number>(), tilts: number[] = [];
  for (const of of dataset.cases as LabelledCase[]) {
    const [image] = await dataset.loadImages(of), [labels] = await dataset.loadLabels(of);
    assert.deepEqual(gridOf(labels!), gridOf(image!));
    const axis = throughPlane(image!), distance = image!.spacing[axis]!, slices = shapeOf(image!)[axis]!;
    assert.ok(distance >= 8 && distance <= 23 && slices >= 2 && slices <= 10, `${slices} × ${distance} mm`);
    for (const [at, mm] of image!.spacing.entries()) if (at !== axis) assert.ok(mm > 3.3 && mm < 4.7);
    axes.add(axis);
    tilts.push(Math.max(...[0, 1, 2].map((world) => Math.abs(image!.affine[4 * world + axis]!))) / distance);
    const seen = new Set(rowMajor(labels!));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3], `${of.id} shows all classes`);
  }
  assert.equal(axes.size, 3, "the slice axis is nearest to another body axis in another case");
  assert.ok(Math.min(...tilts) < 0.75 && tilts.every((cosine) => cosine < 0.999), "no stack is axis-aligned");
});

Deno.test("storeAs() moves no voxel in the body", () => {
  const stack = planStack(new Random(3), 80, 20);
  const canonical = volumeFrom(
    Float32Array.from({ length: stack.shape[0] * stack.shape[1] * stack.shape[2] }, (_, at) => at),
    stack.shape,
    stack.affine,
  );
  const codes = new Set<string>();
  for (const axes of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    for (let bits = 0; bits < 8; bits++) {
      const flips = [0, 1, 2].map((at) => (bits >> at & 1) === 1);
      const stored = storeAs(canonical, { axes, flips });
      codes.add(axisCodes(stored.affine));
      const place = axes.map((axis, at) => flips[at] ? stack.shape[axis]! - 2 : 1);
      assert.equal(stored.array.get(...place), canonical.array.get(1, 1, 1));
      for (const row of [0, 4, 8]) {
        const mm = ({ affine }: Volume, [a, b, c]: readonly number[]) =>
          affine[row]! * a! + affine[row + 1]! * b! + affine[row + 2]! * c! + affine[row + 3]!;
        assert.ok(Math.abs(mm(stored, place) - mm(canonical, [1, 1, 1])) < 1e-9);
      }
    }
  }
  assert.equal(codes.size, 48);
});

Deno.test("slices of later sequences are shifted in the plane as breath-holds are, their labels with them", async () => {
  const still = smallHeart(2, 4, 0), moving = smallHeart(2, 4, 3);
  const shifts: number[] = [];
  for (const [at, of] of (moving.cases as LabelledCase[]).entries()) {
    const same = (await still.loadLabels(still.cases[at] as LabelledCase)).map(rowMajor);
    assert.deepEqual(same[1], same[0]);
    assert.deepEqual(same[2], same[0]);
    const [first, second] = await moving.loadLabels(of);
    assert.deepEqual(rowMajor(first!), same[0], "the first sequence stays");
    const before = centres(first!, 1), after = centres(second!, 1);
    for (const [slice, [a, b]] of before) {
      const [c, d] = after.get(slice) ?? [];
      if (c !== undefined) shifts.push(4 * (c - a!), 4 * (d! - b!));
    }
  }
  const deviation = Math.sqrt(shifts.reduce((sum, mm) => sum + mm * mm, 0) / shifts.length);
  assert.ok(deviation > 1.8 && deviation < 4.5, `${deviation.toFixed(2)} mm for 3`);
});

Deno.test("only LGE shows scar, only T2 shows oedema", () => {
  for (const sequence of sequences) {
    const signals = signalsOf(sequence, new Random(4));
    const [wall, scar, oedema] = ["wall", "scar", "oedema"].map((tissue) =>
      signals[heartTissues.findIndex((name) => name === tissue)]!
    );
    if (sequence === "lge") assert.ok(scar! > 2 * wall!);
    else assert.equal(scar, wall);
    if (sequence === "t2") assert.ok(oedema! > 1.3 * wall!);
    else assert.equal(oedema, wall);
  }
});

Deno.test("makePhantom() refuses what no phantom can be made of", () => {
  const refused = { code: "config.phantom" };
  const heart = { anatomy: "heart", cases: 2, seed: 0 } as const;
  assert.throws(() => makePhantom({ ...heart, cases: 0 }), refused);
  assert.throws(() => makePhantom({ ...heart, seed: 0.5 }), refused);
  assert.throws(() => makePhantom({ ...heart, modalities: ["ct"] }), refused);
  assert.throws(() => makePhantom({ ...heart, modalities: ["t2", "t2"] }), refused);
  assert.throws(() => makePhantom({ ...heart, misalignmentMm: NaN }), refused);
  assert.throws(() => makePhantom({ ...heart, inPlaneMm: 0 }), refused);
  const abdomen = { cases: 2, seed: 0, modalities: ["ct", "mr"], misalignmentMm: 0 };
  assert.throws(() => makePhantom({ ...abdomen, modalities: ["ct", "ct"] }), refused);
  assert.throws(() => makePhantom({ ...abdomen, shape: [8, 16, 16] }), refused);
});
