import assert from "node:assert/strict";
import { openDevice, parseTuningFile, type Trial, tune, tuningFileText } from "../../../tensor/mod.ts";
import { always, blocksFor, type CostTable } from "../../../tensor/webgpu/tuning.ts";
import { withCode } from "../refusals.ts";
import { testWebGpu } from "./adapter.ts";

const table: CostTable = {
  convolution: [
    { upTo: 100, blocks: { outputs: 2, channels: 8 } },
    { upTo: 1000, blocks: { outputs: 8, channels: 32 } },
  ],
  weightGradient: always({ workgroups: 256, sums: 72 }),
  matmul: always({ block: 4, tiles: true }),
};

Deno.test("a call takes the first row that its work fits in, and the last one beyond all", () => {
  assert.equal(blocksFor(table, "convolution", 100).outputs, 2);
  assert.equal(blocksFor(table, "convolution", 101).outputs, 8);
  assert.equal(blocksFor(table, "convolution", 1e9).outputs, 8);
});

Deno.test("measured tables survive their file; a damaged file is refused with the place", () => {
  const text = tuningFileText(new Map([["Adapter A", table]]));
  assert.deepEqual(parseTuningFile(text), new Map([["Adapter A", table]]));
  const refused: [string, RegExp][] = [
    ["{", /no JSON/],
    ["[]", /format is undefined/],
    [text.replace("tuning-1", "tuning-9"), /format is "cmc-webgpu-tuning-9"/],
    [text.replace('"channels": 8', '"channels": 6'), /channels is 6/],
    [text.replace('"channels": 8', '"channels": 0'), /Adapter A: convolution\[0\]\.blocks\.channels is 0/],
    [text.replace('"tiles": true', '"tiles": 1'), /matmul\[0\]\.blocks\.tiles is 1/],
    [text.replace('"upTo": 1000', '"upTo": null'), /convolution\[1\]\.upTo is null/],
    [text.replace('"matmul"', '"product"'), /no rows for matmul/],
  ];
  for (const [damaged, message] of refused) {
    assert.throws(() => parseTuningFile(damaged), withCode("tuning.file", message));
  }
});

testWebGpu(
  "the tuner measures every kernel at three sizes; an opened device says that it is tuned",
  async () => {
    const trials: Trial[] = [];
    const { adapter, table } = await tune((trial) => trials.push(trial), 0, 1 / 8);
    for (const kernel of ["convolution", "weightGradient", "matmul"] as const) {
      const own = trials.filter((trial) => trial.kernel === kernel);
      assert.equal(new Set(own.filter(({ isAssumed }) => isAssumed).map(({ work }) => work)).size, 3);
      assert.ok(own.every(({ ms }) => ms > 0));
      assert.equal(table[kernel].length, 3);
      assert.ok(table[kernel].every(({ upTo }, i, rows) => i === 0 || upTo > rows[i - 1]!.upTo));
    }
    parseTuningFile(tuningFileText(new Map([[adapter, table]])));
    using device = await openDevice("webgpu", { measured: new Map([[adapter, table]]) });
    assert.match(device.description, /, tuned$/);
    using other = await openDevice("webgpu", { measured: new Map([["another adapter", table]]) });
    assert.doesNotMatch(other.description, /tuned/);
  },
);
