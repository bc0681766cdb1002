import assert from "node:assert/strict";
import {
  anatomicalConsistency,
  channelConsistency,
  channelContrast,
  classContrast,
  type ConsistencyForm,
  ntXent,
  pooledConsistency,
  proportionConsistency,
  releasedChannelContrast,
  releasedLogitSimilarity,
  releasedWeights,
  targetConsistency,
} from "../../losses/mod.ts";
import {
  CountingDevice,
  type Device,
  noGrad,
  openDevice,
  Random,
  scope,
  softmax,
  Tensor,
} from "../../tensor/mod.ts";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { testOnDevices } from "../tensor/devices.ts";
import { sines } from "./test_vectors.ts";

async function assertItem(make: () => Tensor, expected: number, tolerance = 1e-5): Promise<void> {
  using loss = scope(make);
  const value = await loss.item();
  assert.ok(Math.abs(value - expected) < tolerance, `${value} is not ${expected}`);
}

testOnDevices("the three forms of CSC give the reference values", async (device) => {
  const pair = () => [sines(device, [1, 4, 2, 2, 2], 0), sines(device, [1, 4, 2, 2, 2], 0.5)] as const;
  await assertItem(() => releasedChannelContrast(...pair()), 1.7762606050);
  await assertItem(() => channelContrast(...pair()), 1.1494993925);
  await assertItem(() => channelConsistency(...pair()), 0.1118358944);
});

testOnDevices("the released CAC gives the reference value on logits", async (device) => {
  const shape = [2, 3, 2, 2, 2];
  await assertItem(
    () => releasedLogitSimilarity(sines(device, shape, 0, 2), sines(device, shape, 0.9, 2)),
    0.6473275370,
  );
});

Deno.test("CSC of a batch is the mean over its samples", async () => {
  using device = openOracle();
  const random = new Random(1);
  const [a, b] = [0, 1].map(() => Tensor.normal(device, random, [3, 4, 2, 2, 2])) as [Tensor, Tensor];
  for (const loss of [releasedChannelContrast, channelContrast]) {
    const each = await Promise.all(
      [0, 1, 2].map((i) => loss(a.narrow(0, i, 1), b.narrow(0, i, 1)).item()),
    );
    await assertItem(() => loss(a, b), each.reduce((sum, v) => sum + v) / 3, 1e-12);
  }
});

Deno.test("ntXent() is the same, and has the same gradient, for any number of rows at once", async () => {
  using device = openOracle();
  const run = async (rowsAtOnce: number) => {
    const random = new Random(2);
    const [a, b] = [0, 1].map(() => Tensor.normal(device, random, [7, 5]).asParameter()) as [Tensor, Tensor];
    const loss = ntXent(a, b, { rowsAtOnce });
    loss.backward();
    return [await loss.item(), ...await a.grad!.data(), ...await b.grad!.data()];
  };
  const whole = await run(100);
  for (const rowsAtOnce of [1, 4]) {
    (await run(rowsAtOnce)).forEach((v, i) => assert.ok(Math.abs(v - whole[i]!) < 1e-12, `${i}`));
  }
});

Deno.test("ntXent() has the gradient of the published formula", async () => {
  using device = openOracle();
  const [count, columns, tau] = [4, 3, 0.5];
  const random = new Random(3);
  const a = Tensor.normal(device, random, [count, columns]).asParameter();
  const b = Tensor.normal(device, random, [count, columns]);
  ntXent(a, b).backward();
  const raw = [...await a.data(), ...await b.data()];
  const row = (i: number) => raw.slice(i * columns, (i + 1) * columns);
  const dot = (u: number[], v: number[]) => u.reduce((sum, x, i) => sum + x * v[i]!, 0);
  const n = 2 * count;
  const norms = Array.from({ length: n }, (_, i) => Math.sqrt(dot(row(i), row(i))));
  const r = norms.map((norm, i) => row(i).map((x) => x / norm));
  // P_ij = softmax over j ≠ i; dL/dr_i = 1/(2R τ) [ Σ_j (P_ij + P_ji) r_j − 2 r_partner ], then through the norm.
  const p = r.map((ri, i) => {
    const e = r.map((rj, j) => i === j ? 0 : Math.exp(dot(ri, rj) / tau));
    const sum = e.reduce((s, x) => s + x);
    return e.map((x) => x / sum);
  });
  const expected = Array.from({ length: count }, (_, i) => {
    const g = r[0]!.map((_, k) =>
      (r.reduce((sum, rj, j) => sum + (p[i]![j]! + p[j]![i]!) * rj[k]!, 0) - 2 * r[i + count]![k]!) /
      (n * tau)
    );
    const along = dot(g, r[i]!);
    return g.map((x, k) => (x - along * r[i]![k]!) / norms[i]!);
  }).flat();
  (await a.grad!.data()).forEach((v, i) =>
    assert.ok(Math.abs(v - expected[i]!) < 1e-9, `${v}, ${expected[i]}`)
  );
});

Deno.test("NT-Xent of 8,192 rows of 512 numbers takes less than 256 MiB, its gradient included", () => {
  using device = new CountingDevice();
  const [a, b] = [0, 1].map(() => Tensor.zeros(device, [1, 512, 16, 16, 16]).asParameter());
  device.resetPeak();
  scope(() => releasedChannelContrast(a!, b!).backward());
  const peak = device.stats().peakBytes / 2 ** 20;
  assert.ok(peak < 256, `${peak} MiB`);
});

Deno.test("NT-Xent of unrelated rows is about ln(2R − 1)", async () => {
  using device = await openDevice("cpu");
  const random = new Random(4);
  const [a, b] = [0, 1].map(() => Tensor.normal(device, random, [600, 128])) as [Tensor, Tensor];
  await assertItem(() => ntXent(a, b), Math.log(1199), 0.1);
});

const logits = (device: Device, random: Random) =>
  Tensor.normal(device, random, [2, 3, 4, 4, 4]).asParameter();
const features = (device: Device, random: Random) =>
  Tensor.normal(device, random, [2, 4, 3, 4, 2]).asParameter();

const anatomy: ConsistencyForm[] = ["dice", "contrastive", "proportion"];

for (const form of anatomy) {
  for (const target of ["symmetric", "stopgrad-other"] as const) {
    Deno.test(`CAC, ${form}, ${target}, sends a gradient to both modalities, and a step against it lowers it`, async () => {
      using device = openOracle();
      const random = new Random(5);
      const [a, b] = [logits(device, random), logits(device, random)];
      const loss = anatomicalConsistency(a, b, target, form);
      loss.backward();
      for (const { grad } of [a, b]) assert.ok((await grad!.data()).some((g) => g !== 0));
      const after = noGrad(() => anatomicalConsistency(a.sub(a.grad!), b.sub(b.grad!), target, form));
      assert.ok(await after.item() < await loss.item());
    });
  }
  Deno.test(`CAC, ${form}, to a fixed target sends a gradient to the logits alone`, async () => {
    using device = openOracle();
    const random = new Random(6);
    const [a, b] = [logits(device, random), logits(device, random)];
    targetConsistency(a, softmax(b, 1), form).backward();
    assert.ok((await a.grad!.data()).some((g) => g !== 0));
    assert.equal(b.grad, undefined);
  });
}

const channels = {
  channelConsistency,
  channelContrast,
  releasedChannelContrast,
  "pooledConsistency of patches": (a: Tensor, b: Tensor) => pooledConsistency(a, b, 1),
  "pooledConsistency of boxes": (a: Tensor, b: Tensor) => pooledConsistency(a, b, 2),
};

for (const [name, loss] of Object.entries(channels)) {
  Deno.test(`CSC, ${name}, sends a gradient to both modalities, and a step against it lowers it`, async () => {
    using device = openOracle();
    const random = new Random(7);
    const [a, b] = [features(device, random), features(device, random)];
    const before = loss(a, b);
    before.backward();
    for (const { grad } of [a, b]) assert.ok((await grad!.data()).some((g) => g !== 0));
    const after = noGrad(() => loss(a.sub(a.grad!.mul(0.1)), b.sub(b.grad!.mul(0.1))));
    assert.ok(await after.item() < await before.item());
  });
}

Deno.test("forms for unpaired images do not see where something is; the others do", async () => {
  using device = openOracle();
  const random = new Random(8);
  const p = softmax(Tensor.normal(device, random, [1, 3, 4, 4, 4], 3), 1);
  const moved = p.permute([0, 1, 4, 2, 3]); // every voxel elsewhere
  await assertItem(() => proportionConsistency(p, moved), 0, 1e-9);
  await assertItem(() => pooledConsistency(p, moved, 1), 0, 1e-9);
  for (const loss of [classContrast, channelConsistency, channelContrast]) {
    using here = loss(p, p);
    using there = loss(p, moved);
    assert.ok(await there.item() > await here.item() + 0.01);
  }
});

Deno.test("classContrast() is ln K when nothing is told apart, and least for classes that match", async () => {
  using device = openOracle();
  const flat = Tensor.full(device, [1, 3, 2, 2, 2], 1 / 3);
  await assertItem(() => classContrast(flat, flat), Math.log(3), 1e-6);
  const hard = Tensor.from(device, [1, 1, 0, 0, 0, 0, 1, 1], [1, 2, 4, 1, 1]);
  // s = 1 on the diagonal, 0 beside it: −ln(e² / (e² + 1)).
  await assertItem(() => classContrast(hard, hard), Math.log(1 + Math.exp(-2)), 1e-6);
});

Deno.test("pooledConsistency() with boxes refuses features that have too few voxels", async () => {
  using device = await openDevice("cpu");
  const a = Tensor.zeros(device, [1, 2, 1, 4, 4]);
  assert.throws(() => pooledConsistency(a, a, 2), { code: "shape.size" });
});

Deno.test("ntXent() refuses rows of different shapes and what is no matrix", async () => {
  using device = await openDevice("cpu");
  const [a, b] = [Tensor.zeros(device, [2, 3]), Tensor.zeros(device, [2, 4])];
  assert.throws(() => ntXent(a, b), { code: "shape.mismatch" });
  const cube = Tensor.zeros(device, [2, 3, 1]);
  assert.throws(() => ntXent(cube, cube), { code: "shape.rank" });
});

Deno.test("the released code's weights have the published values", () => {
  for (
    const [epoch, csc, cac] of [[350, 0.6376, 0.2061], [400, 0.8187, 0.0955], [450, 0.9512, 0.0245], [
      499,
      1,
      0,
    ]] as const
  ) {
    const weights = releasedWeights(epoch / 500);
    assert.ok(Math.abs(weights.csc - csc) < 5e-5 && Math.abs(weights.cac - cac) < 5e-5, `${epoch}`);
  }
});
