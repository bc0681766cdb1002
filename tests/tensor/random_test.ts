import assert from "node:assert/strict";
import { Random, threefry } from "../../tensor/random.ts";

Deno.test("threefry() gives the known answers of Random123", () => {
  const hex = (block: readonly number[]) => block.map((word) => word.toString(16).padStart(8, "0"));
  assert.deepEqual(hex(threefry(0, 0, 0, 0)), ["6b200159", "99ba4efe"]);
  const ones = 0xffffffff;
  assert.deepEqual(hex(threefry(ones, ones, ones, ones)), ["1cb996fc", "bb002be7"]);
  assert.deepEqual(hex(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)), ["c4923a9c", "483df7a0"]);
});

Deno.test("a stream continues from its saved state, at an odd and an even place", () => {
  for (const drawn of [0, 1, 2, 7, 1000]) {
    const random = new Random(123456789012);
    for (let i = 0; i < drawn; i++) random.uint32();
    const continued = new Random(JSON.parse(JSON.stringify(random.state)));
    for (let i = 0; i < 5; i++) assert.equal(continued.uint32(), random.uint32());
  }
});

Deno.test("children depend on their label only, and do not disturb their parent", () => {
  const [a, b] = [new Random(5), new Random(5)];
  const early = a.child("x").uint32();
  a.uint32();
  a.uint32();
  assert.equal(a.child("x").uint32(), early);
  assert.notEqual(a.child("y").uint32(), early);
  assert.notEqual(a.child("x").child(1).uint32(), a.child("x/11").uint32());
  b.uint32();
  b.uint32();
  assert.equal(a.uint32(), b.uint32());
});

Deno.test("uniform(), integer(), normal() and permutation() have their distributions", () => {
  const random = new Random(1);
  const count = 20000;
  const moments = (draw: () => number) => {
    const values = Array.from({ length: count }, draw);
    const mean = values.reduce((sum, v) => sum + v, 0) / count;
    return [mean, values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count] as const;
  };
  const near = (actual: number, expected: number, deviation: number) =>
    assert.ok(Math.abs(actual - expected) < 4 * deviation, `${actual} is not near ${expected}`);
  const [uniformMean, uniformVariance] = moments(() => random.uniform(-1, 3));
  near(uniformMean, 1, Math.sqrt(16 / 12 / count));
  near(uniformVariance, 16 / 12, 0.02);
  const [normalMean, normalVariance] = moments(() => random.normal(2, 3));
  near(normalMean, 2, 3 / Math.sqrt(count));
  near(normalVariance, 9, 9 * Math.sqrt(2 / count));
  const seen = new Set(Array.from({ length: 200 }, () => random.integer(7)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
  const order = random.permutation(50);
  assert.deepEqual([...order].sort((p, q) => p - q), Array.from({ length: 50 }, (_, i) => i));
  assert.notDeepEqual(order, [...order].sort((p, q) => p - q));
});
