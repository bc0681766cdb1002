import assert from "node:assert/strict";
import {
  anatomicalConsistency,
  channelConsistency,
  confidentTarget,
  diceCrossEntropy,
  softDice,
  targetConsistency,
} from "../../losses/mod.ts";
import { ignoredLabel } from "../../tensor/ignored_label.ts";
import { testOnDevices } from "../tensor/devices.ts";
import { sines } from "./test_vectors.ts";
import { openDevice, Random, softmax, Tensor } from "../../tensor/mod.ts";

const near = (actual: number, expected: number, tolerance = 1e-5) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} is not ${expected}`);

Deno.test("channelConsistency() gives the reference value of its cosine form", async () => {
  using device = await openDevice("cpu");
  const [a, b] = [sines(device, [1, 4, 2, 2, 2], 0), sines(device, [1, 4, 2, 2, 2], 0.5)];
  near(await channelConsistency(a, b).item(), 0.1118358944);
});

Deno.test("softDice() of softmax maps gives the reference value over all classes", async () => {
  using device = await openDevice("cpu");
  const shape = [2, 3, 2, 2, 2];
  const [a, b] = [sines(device, shape, 0, 2), sines(device, shape, 0.9, 2)].map((z) => softmax(z, 1));
  near(await softDice(a!, b!).mean().item(), 0.6701994426);
});

Deno.test("diceCrossEntropy() gives the reference sum of Dice and cross-entropy", async () => {
  using device = await openDevice("cpu");
  const logits = sines(device, [2, 3, 2, 2, 2], 0, 2);
  const labels = Tensor.from(device, [0, 1, 2, 0, 0, 0, 1, 2, 0, 0, 0, 1, 2, 0, 0, 0], [2, 2, 2, 2], "i32");
  near(await diceCrossEntropy(logits, labels).item(), 2.4641048847);
});

Deno.test("diceCrossEntropy() counts an absent class as 1, without gradient to a certain prediction", async () => {
  using device = await openDevice("cpu");
  // One voxel, certainly and rightly class 0 of 3: cross-entropy 0, Dice terms 0, 1, 1.
  const logits = Tensor.from(device, [100, 0, 0], [1, 3, 1, 1, 1]);
  const labels = Tensor.from(device, [0], [1, 1, 1, 1], "i32");
  near(await diceCrossEntropy(logits, labels).item(), 2 / 3);
});

Deno.test("anatomicalConsistency() is 0 for equal certain predictions and 1 for disjoint ones", async () => {
  using device = await openDevice("cpu");
  const one = Tensor.from(device, [0, 50, 50, 0], [1, 2, 2, 1, 1]);
  const other = Tensor.from(device, [50, 0, 0, 50], [1, 2, 2, 1, 1]);
  near(await anatomicalConsistency(one, one).item(), 0);
  near(await anatomicalConsistency(one, other).item(), 1);
});

Deno.test("anatomicalConsistency() leaves the background out", async () => {
  using device = await openDevice("cpu");
  const shape = [1, 3, 2, 2, 2];
  const [a, b] = [sines(device, shape, 0, 2), sines(device, shape, 0.9, 2)];
  const dice = await softDice(softmax(a, 1), softmax(b, 1)).data();
  near(await anatomicalConsistency(a, b).item(), 1 - (dice[1]! + dice[2]!) / 2);
});

for (const target of ["symmetric", "stopgrad-other"] as const) {
  Deno.test(`anatomicalConsistency() with target ${target} sends a gradient to both modalities`, async () => {
    using device = await openDevice("cpu");
    const random = new Random(1);
    const [a, b] = [0, 1].map(() => Tensor.normal(device, random, [1, 3, 2, 2, 2]).asParameter());
    anatomicalConsistency(a!, b!, target).backward();
    for (const logits of [a!, b!]) assert.ok((await logits.grad!.data()).some((g) => g !== 0));
  });
}

Deno.test("a small step against the gradient lowers each consistency loss", async () => {
  using device = await openDevice("cpu");
  const random = new Random(2);
  const losses = { channelConsistency, anatomicalConsistency };
  for (const [name, loss] of Object.entries(losses)) {
    const a = Tensor.normal(device, random, [2, 3, 2, 2, 2]).asParameter();
    const b = Tensor.normal(device, random, [2, 3, 2, 2, 2]);
    const before = loss(a, b);
    before.backward();
    const after = loss(a.sub(a.grad!.mul(0.1)), b);
    assert.ok(await after.item() < await before.item(), name);
  }
});

Deno.test("channelConsistency() has a finite gradient at a channel of zeros", async () => {
  using device = await openDevice("cpu");
  const a = Tensor.zeros(device, [1, 2, 2, 2, 2]).asParameter();
  const b = Tensor.normal(device, new Random(3), [1, 2, 2, 2, 2]);
  const loss = channelConsistency(a, b);
  loss.backward();
  near(await loss.item(), 1);
  assert.ok((await a.grad!.data()).every(Number.isFinite));
});

Deno.test("confidentTarget() follows the more confident modality and sums to 1", async () => {
  using device = await openDevice("cpu");
  const sure = Tensor.from(device, [0.01, 0.99], [1, 2, 1, 1, 1]);
  const unsure = Tensor.from(device, [0.6, 0.4], [1, 2, 1, 1, 1]);
  const [p0, p1] = await confidentTarget([sure, unsure]).data();
  near(p0! + p1!, 1);
  near(p1!, 0.99 * 0.4 / (0.99 * 0.4 + 0.01 * 0.6));
});

Deno.test("targetConsistency() sends no gradient into its target", async () => {
  using device = await openDevice("cpu");
  const random = new Random(4);
  const logits = Tensor.normal(device, random, [1, 2, 2, 2, 2]).asParameter();
  const source = Tensor.normal(device, random, [1, 2, 2, 2, 2]).asParameter();
  targetConsistency(logits, softmax(source, 1)).backward();
  assert.ok((await logits.grad!.data()).some((g) => g !== 0));
  assert.equal(source.grad, undefined);
});

Deno.test("losses between modalities refuse different shapes and a lone class", async () => {
  using device = await openDevice("cpu");
  const a = Tensor.zeros(device, [1, 2, 2, 2, 2]);
  const b = Tensor.zeros(device, [1, 2, 2, 2, 1]);
  const lone = Tensor.zeros(device, [1, 1, 2, 2, 2]);
  for (const loss of [channelConsistency, anatomicalConsistency, targetConsistency]) {
    assert.throws(() => loss(a, b), { code: "shape.mismatch" });
  }
  for (const loss of [anatomicalConsistency, targetConsistency]) {
    assert.throws(() => loss(lone, lone), { code: "shape.classes" });
  }
});

testOnDevices(
  "diceCrossEntropy() leaves ignored voxels out of every sum, and gives them no gradient",
  async (device) => {
    // 41 voxels of 2 samples: whole vectors and a rest. Loss and gradient are those of the known voxels alone, but for
    // the mean of the cross-entropy, which is over all.
    const [samples, classes, voxels] = [2, 3, 41];
    const random = new Random(5);
    const z = Float32Array.from({ length: samples * classes * voxels }, () => random.normal(0, 2));
    const y = Int32Array.from(
      { length: samples * voxels },
      (_, i) => i % 4 === 3 ? ignoredLabel : random.integer(classes),
    );
    const p = (n: number, k: number, v: number) => {
      const e = (c: number) => Math.exp(z[(n * classes + c) * voxels + v]!);
      return e(k) / [0, 1, 2].reduce((sum, c) => sum + e(c), 0);
    };
    let expected = 0;
    for (let n = 0; n < samples; n++) {
      for (let k = 0; k < classes; k++) {
        let [both, squares, size] = [0, 0, 0];
        for (let v = 0; v < voxels; v++) {
          const label = y[n * voxels + v]!;
          if (label === ignoredLabel) continue;
          squares += p(n, k, v) ** 2;
          if (label === k) both += p(n, k, v), size++, expected -= Math.log(p(n, k, v)) / (samples * voxels);
        }
        expected += (1 - 2 * both / (squares + size + 1e-6)) / (samples * classes);
      }
    }
    using logits = Tensor.from(device, z, [samples, classes, voxels]).asParameter();
    using labels = Tensor.from(device, y, [samples, voxels], "i32");
    using loss = diceCrossEntropy(logits, labels);
    near(await loss.item(), expected, 2e-6);
    loss.backward();
    const gradient = await logits.grad!.data();
    for (let at = 0; at < gradient.length; at++) {
      const ignored = y[Math.floor(at / (classes * voxels)) * voxels + at % voxels] === ignoredLabel;
      assert.equal(gradient[at] === 0, ignored, `${at}`);
    }
  },
);
