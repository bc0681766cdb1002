import assert from "node:assert/strict";
import {
  complementaryMasks,
  dropComplementaryChannels,
} from "../../../model/train/methods/channel_dropout.ts";
import { openDevice, Random, scope, Tensor } from "../../../tensor/mod.ts";

Deno.test("what one view lacks the other has; of half the samples nothing is dropped", async () => {
  using device = await openDevice("cpu");
  using masks = complementaryMasks(device, 4, 64, new Random(2));
  assert.deepEqual(masks.shape, [8, 64, 1, 1, 1]);
  const values = await masks.data();
  const sample = (at: number) => [...values.subarray(64 * at, 64 * (at + 1))];
  const dropped = [0, 1, 2, 3].filter((at) => sample(at).includes(0));
  assert.equal(dropped.length, 2);
  for (let at = 0; at < 4; at++) {
    const first = sample(at), second = sample(at + 4);
    const allowed = dropped.includes(at) ? [0, 2] : [1];
    assert.deepEqual([...new Set(first)].sort(), allowed);
    assert.ok(first.every((value, i) => value + second[i]! === 2));
    const share = first.filter((value) => value === 2).length / 64;
    if (dropped.includes(at)) assert.ok(share > 0.3 && share < 0.7, `${share} of the channels stay`);
  }
});

Deno.test("every level has masks of its own, the same for every modality", async () => {
  using device = await openDevice("cpu");
  const shape = [2, 16, 1, 1, 1];
  const drop = dropComplementaryChannels(new Random(5));
  const rows = scope(() => {
    const ones = Tensor.full(device, shape, 1);
    const [a, b] = [0, 1].map(() => drop({ features: ones, skips: [ones, ones] }));
    return [a!.features, ...a!.skips, b!.features, ...b!.skips];
  });
  const [features, fine, coarse, ...again] = await Promise.all(
    rows.map(async (row) => [...await row.data()]),
  );
  assert.notDeepEqual(features, fine);
  assert.notDeepEqual(fine, coarse);
  assert.deepEqual(again, [features, fine, coarse]);
  for (const row of rows) row.dispose();
});
