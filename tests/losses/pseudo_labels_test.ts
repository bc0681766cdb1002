import assert from "node:assert/strict";
import {
  areaSimilarityContrast,
  entropy,
  entropyWeightedMean,
  squaredDifference,
  weightedCrossEntropy,
  weightedDice,
} from "../../losses/mod.ts";
import { openDevice, Tensor } from "../../tensor/mod.ts";

/** Two samples, three classes, two voxels: logits by sample, class, voxel. */
const z = [[[1, 0], [0, 2], [-1, 0.5]], [[0.2, -1], [0.3, 0], [2, 1]]];
const labels = [[0, 2], [2, 1]];
const weights = [[1, 0], [0.5, 1]];

function softmaxOf(values: readonly number[]): number[] {
  const total = values.reduce((sum, v) => sum + Math.exp(v), 0);
  return values.map((v) => Math.exp(v) / total);
}
const p = z.map((sample) => [0, 1].map((v) => softmaxOf(sample.map((row) => row[v]!)))); // sample, voxel, class

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, expected ${expected}`);

Deno.test("losses on pseudo-labels agree with sums written out", async () => {
  using device = await openDevice("cpu");
  const logits = Tensor.from(device, z.flat(2), [2, 3, 1, 1, 2]);
  const y = Tensor.from(device, labels.flat(), [2, 1, 1, 2], "i32");
  const w = Tensor.from(device, weights.flat(), [2, 1, 1, 1, 2]);
  const places = [0, 1].flatMap((n) => [0, 1].map((v) => [n, v] as const));
  const nll = (n: number, v: number) => -Math.log(p[n]![v]![labels[n]![v]!]!);
  const weighted = places.reduce((sum, [n, v]) => sum + weights[n]![v]! * nll(n, v), 0) / 2.5;
  near(await weightedCrossEntropy(logits, y, w).item(), weighted);
  near(await weightedCrossEntropy(logits, y).item(), places.reduce((sum, [n, v]) => sum + nll(n, v), 0) / 4);
  const one = Tensor.from(device, [1, 0], [1, 1, 1, 1, 2]);
  near(await weightedCrossEntropy(logits, y, one).item(), (nll(0, 0) + nll(1, 0)) / 2);

  const dice = [0, 1, 2].flatMap((k) => {
    const sum = (of: (n: number, v: number) => number) =>
      places.reduce((s, [n, v]) => s + weights[n]![v]! * of(n, v), 0);
    const size = sum((n, v) => Number(labels[n]![v] === k));
    const overlap = sum((n, v) => labels[n]![v] === k ? p[n]![v]![k]! : 0);
    return size === 0 ? [] : [(2 * overlap + 1e-5) / (sum((n, v) => p[n]![v]![k]!) + size + 1e-5)];
  });
  assert.equal(dice.length, 3); // class 2 has half a voxel, class 0 and 1 one each
  near(await weightedDice(logits, y, w).item(), 1 - dice.reduce((a, b) => a + b) / dice.length);
  const nowhere = Tensor.zeros(device, [1, 1, 1, 1, 2]);
  near(await weightedDice(logits, y, nowhere).item(), 1);
  near(await weightedCrossEntropy(logits, y, nowhere).item(), 0);
});

Deno.test("the surer of two predictions weighs more, by their entropy in bits", async () => {
  using device = await openDevice("cpu");
  const [a, b] = [[0.9, 0.1], [0.5, 0.5]];
  const tensor = (values: number[]) => Tensor.from(device, values, [1, 2, 1, 1, 1]);
  const bits = -(0.9 * Math.log2(0.9) + 0.1 * Math.log2(0.1));
  near(await entropy(tensor(a!)).mean().item(), bits * Math.LN2);
  const [wa, wb] = [Math.exp(-bits), Math.exp(-1)];
  const mean = await entropyWeightedMean([tensor(a!), tensor(b!)]).data();
  near(mean[0]!, (wa * 0.9 + wb * 0.5) / (wa + wb));
  near(await squaredDifference(tensor(a!), tensor(b!)).item(), 0.16);
  near(await squaredDifference(tensor(a!), tensor(b!), Tensor.zeros(device, [1, 1, 1, 1, 1])).item(), 0);
});

Deno.test("area similarity tells cases apart, and is 0 for one case alone", async () => {
  using device = await openDevice("cpu");
  // Two cases of four voxels; foreground left in the first, right in the second.
  const maps = [1, 1, 0, 0, 0, 0, 1, 1];
  const asMap = (order: readonly number[]) =>
    Tensor.from(
      device,
      order.flatMap((n) => {
        const foreground = maps.slice(4 * n, 4 * n + 4);
        return [...foreground.map((v) => 1 - v), ...foreground];
      }),
      [2, 2, 1, 1, 4],
    );
  // s is 1 for the same case and 0 for the other.
  near(await areaSimilarityContrast(asMap([0, 1]), asMap([0, 1])).item(), -Math.log(Math.E / (Math.E + 1)));
  near(await areaSimilarityContrast(asMap([0, 1]), asMap([1, 0])).item(), -Math.log(1 / (Math.E + 1)));
  const alone = asMap([0, 1]).narrow(0, 0, 1);
  near(await areaSimilarityContrast(alone, alone).item(), 0);
});

Deno.test("a voxel whose class nobody knows counts in neither loss and gets no gradient", async () => {
  using device = await openDevice("cpu");
  const values = [0.3, -1, 2, 0.5, 0.1, 0.7, -0.4, 1.2];
  const whole = Tensor.from(device, values, [1, 2, 1, 1, 4]).asParameter();
  const some = Tensor.from(device, [0, 2, 4, 6].map((at) => values[at]!), [1, 2, 1, 1, 2]);
  const labels = (ids: number[]) => Tensor.from(device, ids, [1, 1, 1, ids.length], "i32");
  const all = (length: number) => Tensor.from(device, new Array(length).fill(1), [1, 1, 1, 1, length]);
  for (const loss of [weightedCrossEntropy, weightedDice]) {
    const value = loss(whole, labels([0, 255, 1, 255]), all(4));
    near(await value.item(), await loss(some, labels([0, 1]), all(2)).item());
    whole.grad = undefined;
    value.backward();
    const gradient = [...await whole.grad!.data()];
    assert.ok([1, 3, 5, 7].every((at) => gradient[at] === 0), `${gradient}`);
    assert.ok(gradient[0] !== 0);
  }
});
